#include "core/state_place.h"

#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

#include "core/shared_names.h"

namespace agent_secrets {

std::string choose_state_directory(bool may_use_system_directory,
                                   std::string_view runtime_directory) {
  if (may_use_system_directory || !runtime_directory.starts_with('/')) {
    return kSystemStateDirectory;
  }
  while (runtime_directory.ends_with('/')) runtime_directory.remove_suffix(1);
  return std::string(runtime_directory) + "/agent-secrets";
}

std::string default_state_directory() {
  const bool may_use_system = ::geteuid() == 0 || ::faccessat(AT_FDCWD, kSystemStateDirectory,
                                                              W_OK | X_OK, AT_EACCESS) == 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the environment does not change during this call
  const char* runtime_directory = std::getenv("XDG_RUNTIME_DIR");
  return choose_state_directory(may_use_system,
                                runtime_directory == nullptr ? "" : runtime_directory);
}

}  // namespace agent_secrets
