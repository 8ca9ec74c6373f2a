#include "core/standard_streams.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace agent_secrets {
namespace {

constexpr int kPatienceMs = 1'000;

}  // namespace

Result<void> open_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // open(2) takes the lowest free number, which is `fd`. No O_CLOEXEC, because the injector
    // passes the descriptor to the bot.
    if (::open("/dev/null", O_RDWR | O_NOCTTY) != fd) {
      return fail(ErrorCode::failed, fmt::format("open /dev/null: {}", errno_message(errno)));
    }
  }
  return {};
}

void write_last_words(std::string_view text) {
  while (!text.empty()) {
    pollfd stream{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (::poll(&stream, 1, kPatienceMs) != 1) return;
    // A pipe that poll(2) reports as writable takes PIPE_BUF bytes without blocking (pipe(7)).
    const std::size_t piece = std::min<std::size_t>(text.size(), PIPE_BUF);
    const ssize_t count = ::write(STDERR_FILENO, text.data(), piece);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace agent_secrets
