#pragma once
// Where the injector's credential comes from: --credential-file, then the file that
// $AGENT_SECRETS_CREDENTIAL_FILE names, then $AGENT_SECRETS_CREDENTIAL itself. A file is safer:
// an environment variable is visible in `docker inspect`, and in every child until it is removed.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "core/credential.h"
#include "core/error.h"
#include "core/log.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

// The value of a variable, moved out of the environment: the bytes that the kernel
// put on the stack of this process (/proc/PID/environ shows them) are zeroed, the names stay. Empty
// if the variable is not set.
SecretBuffer take_variable(char** environment, std::string_view name);
// $AGENT_SECRETS_CREDENTIAL. main() calls it first, so no later failure leaves the value there.
SecretBuffer take_credential_variable(char** environment);

struct LoadedCredential {
  AgentCredential credential;
  std::string place;                // a path, or the variable's name
  std::optional<struct stat> file;  // absent for the variable
};

// False for a pipe or a device: their content cannot be read again later.
bool is_readable_by_others(const struct stat& file);

// Reads and parses it, in `slab` as far as the slab has room. Logs a warning for a file that other
// users than its owner may read.
Result<LoadedCredential> load_credential(const std::string& file_option, char** environment,
                                         const SecretBuffer& variable, const Log& log,
                                         SecretSlab* slab = nullptr);

}  // namespace agent_secrets
