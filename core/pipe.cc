#include "core/pipe.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace agent_secrets {

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::failed, fmt::format("pipe2: {}", errno_message(errno)));
  }
  Pipe pipe{.reader = UniqueFd(ends[0]), .writer = UniqueFd(ends[1])};
  if (::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail(ErrorCode::failed, fmt::format("fcntl: {}", errno_message(errno)));
  }
  return pipe;
}

}  // namespace agent_secrets
