#include "injector/protection.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace agent_secrets {

Result<void> open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open(2) takes the lowest free number: this one. Without O_CLOEXEC: it is for the bot as well.
    if (::open("/dev/null", O_RDWR | O_NOCTTY) != fd) {
      return fail(ErrorCode::failed, fmt::format("open /dev/null: {}", errno_message(errno)));
    }
  }
  return {};
}

Result<void> forbid_inspection() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return fail(ErrorCode::failed, fmt::format("prctl PR_SET_DUMPABLE: {}", errno_message(errno)));
  }
  return {};
}

Result<void> forbid_core_dumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) {
    return fail(ErrorCode::failed, fmt::format("setrlimit RLIMIT_CORE: {}", errno_message(errno)));
  }
  return {};
}

}  // namespace agent_secrets
