#pragma once
// `--env-file`: the values for a local test, read exactly as the official CLI's `secrets set
// --file` reads them, so that a file which works here sets the same values there:
//
//   each line is stripped of white space (as Python's str.strip does); blank lines and lines that
//   start with '#' are skipped; the rest is split at its first '=', both halves are stripped; a
//   value that both starts and ends with '"' loses one pair of them (a lone '"' becomes empty).
//
// An empty key or value, a line without '=', a key with anything but letters, digits, '_' and '-'
// or with more than limits::kKeyNameMax of them, bytes that are not UTF-8 and a file without a
// single pair are errors. There is no `export`, no inline comment, no value over several lines, no
// single quote, and no byte order mark (it would be a part of the first key). A key given twice:
// the last one counts, in a file and across files. tests/integration/test_env_file_as_the_cli.py
// compares the two.
//
// Ownership: the values are held in guarded memory from the read to the exec.
// Limits: a file has at most limits::kRequestBody bytes.

#include <string>
#include <string_view>
#include <vector>

#include "core/environment_block.h"
#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

// Pairs in the order of their lines; they point into `text`. Errors name `path` and the line.
Result<std::vector<EnvironmentPair>> parse_env_file(std::string_view text, std::string_view path);

// The files merged from left to right, as an environment block.
Result<SecretBuffer> read_env_files(const std::vector<std::string>& paths);

}  // namespace agent_secrets
