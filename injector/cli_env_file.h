#pragma once
// An env file as the official CLI's `secrets set --file` reads it:
//
//   each line is stripped of white space (as Python's str.strip does); blank lines and lines that
//   start with '#' are skipped; the rest is split at its first '=', both halves are stripped; a
//   value that both starts and ends with '"' loses one pair of them (a lone '"' becomes empty).
//
// An empty key or value, a line without '=', a key with anything but letters, digits, '_' and '-'
// or with more than limits::kKeyNameMax of them, bytes that are not UTF-8 and a file without a
// single pair are errors. So is a NUL in a value: the CLI sends it, and the control plane refuses
// it. There is no `export`, no inline comment, no value over several lines, no single quote, and no
// byte order mark (it would be a part of the first key). A key given twice: the last one counts.
// tests/integration/test_env_file_as_the_cli.py compares the two.
//
// Ownership: the pairs point into the text.

#include <functional>
#include <string_view>
#include <vector>

#include "core/environment_block.h"
#include "core/error.h"

namespace agent_secrets {

// Pairs in the order of their lines. Errors name `path` and the line.
Result<std::vector<EnvironmentPair>> parse_cli_env_file(std::string_view text,
                                                        std::string_view path);

// The pairs of the lines that the CLI accepts, also if it refuses other lines. `text` is UTF-8.
std::vector<EnvironmentPair> readable_cli_pairs(std::string_view text);

}  // namespace agent_secrets
