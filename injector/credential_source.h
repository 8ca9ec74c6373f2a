#pragma once
// Where the injector's credential comes from: --credential-file, then the file that
// $AGENT_SECRETS_CREDENTIAL_FILE names, then $AGENT_SECRETS_CREDENTIAL itself. A file is the better
// place: an environment variable shows in `docker inspect` and in every child until it is removed.

#include <chrono>
#include <optional>
#include <string>

#include <sys/stat.h>

#include "core/credential.h"
#include "core/error.h"
#include "core/log.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

// The value of $AGENT_SECRETS_CREDENTIAL, moved out of the environment: the bytes that the kernel
// laid on the stack of this process (they show in /proc/PID/environ) are zeroed, the names stay.
// Empty when it is not set. Comes first in main(): whatever fails later, the value is gone.
SecretBuffer take_credential_variable(char** environment);

struct LoadedCredential {
  AgentCredential credential;
  std::string place;                // a path, or the variable's name
  std::optional<struct stat> file;  // nothing for the variable
};

// Not a pipe or a device: those are nobody's to read later.
bool is_readable_by_others(const struct stat& file);

// Reads and parses it, into `slab` as far as that has room. A file that others than its owner may
// read is a warning in the log.
Result<LoadedCredential> load_credential(const std::string& file_option, char** environment,
                                         const SecretBuffer& variable, const Log& log,
                                         SecretSlab* slab = nullptr);

}  // namespace agent_secrets
