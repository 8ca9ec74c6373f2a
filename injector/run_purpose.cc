#include "injector/run_purpose.h"

#include <unistd.h>

namespace agent_secrets {

bool is_developers_run(const Options& options) {
  if (options.purpose) return *options.purpose == Purpose::develop;
  if (options.sidecar != SidecarWish::none) return false;
  return ::isatty(STDIN_FILENO) == 1 && ::getpid() != 1 && ::getppid() != 1;
}

}  // namespace agent_secrets
