#pragma once
// The login of the official CLI, for `secret-injector --agent`: PIPECAT_API_HOST, PIPECAT_TOKEN and
// PIPECAT_ORG, and for the last two also the file that `pipecat cloud auth login` writes:
// $PIPECAT_CONFIG_PATH, or ~/.config/pipecatcloud/pipecatcloud.toml. A variable comes before the
// file, as for the CLI; unlike there, an empty variable is the same as none.
//
// The file is TOML. Only its top-level strings `token` and `org` are needed, which the CLI writes
// on one line each, so they are read here: a TOML library would keep the token in memory that is
// not wiped, and would be larger than the rest of this feature.

#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "core/error.h"
#include "core/log.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

struct CliLogin {
  std::string host;                      // a base URL without a slash at its end
  SecretBuffer token;                    // printable ASCII without spaces
  std::string organization;              // or "": the token says it
  std::string place = {};                // of the token: the variable's name, or a path
  std::optional<struct stat> file = {};  // absent for the variable
};

// The two strings of the file; "" for one that it does not have. `token` points into the text.
struct CliLoginFile {
  std::string_view token;
  std::string_view organization;
};
// ErrorCode::invalid names `path` and the line, never its content.
Result<CliLoginFile> parse_cli_login(std::string_view text, std::string_view path);

// `token_variable` is the value of PIPECAT_TOKEN, taken out of the environment. `organization` is
// the one of the command line, or "". Warns of a file that other users can read.
Result<CliLogin> find_cli_login(char** environment, const SecretBuffer& token_variable,
                                std::string_view organization, const Log& log);

}  // namespace agent_secrets
