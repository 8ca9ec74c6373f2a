#pragma once
// What all commands of secret-control-plane share. The options of one command are in its file in
// commands/.

#include <string>

namespace agent_secrets::control_plane {

// Exit codes, as --help documents them.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitSetFailed = 3,     // set wait
  kExitWaitTimedOut = 4,  // set wait
};

struct DataOptions {
  std::string data_directory;
  std::string master_key_file;  // empty: AGENT_SECRETS_MASTER_KEY
};

}  // namespace agent_secrets::control_plane
