#include "core/standard_streams.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>

namespace agent_secrets {

Result<void> open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open(2) takes the lowest free number: this one. Without O_CLOEXEC: an injector hands it on to
    // the bot.
    if (::open("/dev/null", O_RDWR | O_NOCTTY) != fd) {
      return fail(ErrorCode::failed, fmt::format("open /dev/null: {}", errno_message(errno)));
    }
  }
  return {};
}

}  // namespace agent_secrets
