#pragma once
// `--env-file`: the values of a start without a control plane. Read as python-dotenv reads the file
// (injector/dotenv_parser.h), because load_dotenv() is what a bot calls on a laptop; with
// --env-format cli as `secrets set --file` reads it (injector/cli_env_file.h).
//
// Where the two readings of a key differ, the same file would give the bot another value once it is
// uploaded. Such keys are reported by name, never by value. The CLI refuses a file as a whole.
// The reported keys are the keys that differ without the refused lines. A key that
// only the CLI reads is not reported: its line may be a part of a value over several lines, such as
// the last line of a private key ("abc==").
//
// A key given twice: the last one counts, in a file and across files. In a file, a last `KEY`
// without '=' takes the key back, as load_dotenv() does.
//
// Ownership: the values are held in guarded memory from the read to the exec.
// Limits: a file has at most limits::kRequestBody bytes, an expanded value at most
// limits::kEnvironmentString.

#include <string>
#include <string_view>
#include <vector>

#include "core/environment_block.h"
#include "core/error.h"
#include "core/secret_buffer.h"
#include "injector/env_expansion.h"

namespace agent_secrets {

enum class EnvFormat { dotenv, cli };

struct EnvFileOptions {
  EnvFormat format = EnvFormat::dotenv;
  bool expand = false;
  // What ${NAME} means where no file has set it; null: nothing is known. Where the image wins
  // (--on-conflict keep) it comes before the files, as load_dotenv() without `override` has it.
  VariableLookup image = {};
  bool image_first = false;
};

struct SkippedLine {
  std::string path;
  int line = 0;
};

// A key that `secrets set --file` would store with another value, or not at all.
struct CliDifference {
  std::string path;
  std::string key;
  std::string reason;  // "inline comment", "single quotes", ...
};

struct EnvFiles {
  SecretBuffer block;                      // an environment block
  std::vector<SkippedLine> skipped;        // lines that python-dotenv cannot read either
  std::vector<CliDifference> differences;  // in the order of files and keys
  std::vector<std::string> cli_refusals;   // why `secrets set --file` would refuse a file
};

// The files merged from left to right. Errors name the file, and the key or the line.
Result<EnvFiles> read_env_files(const std::vector<std::string>& paths,
                                const EnvFileOptions& options = {});

}  // namespace agent_secrets
