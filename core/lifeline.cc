#include "core/lifeline.h"

#include <array>
#include <cerrno>
#include <cstdint>

#include <fmt/format.h>
#include <sys/socket.h>

namespace agent_secrets {
namespace {

// A message is the time in milliseconds: both ends are this program, on one machine. A supervisor
// that does not read (it is stopped) has no use for it, so a full socket is no error.
void send_time(int socket, std::chrono::milliseconds time) {
  const std::int64_t milliseconds = time.count();
  (void)::send(socket, &milliseconds, sizeof milliseconds, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

void Lifeline::hold_until(std::chrono::milliseconds monotonic) {
  const std::scoped_lock lock(mutex_);
  until_ = monotonic;
  for (const UniqueFd& connection : connections_) send_time(connection.get(), until_);
}

Result<std::unique_ptr<Lifeline::Connection>> Lifeline::connect() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(ErrorCode::failed, fmt::format("socketpair: {}", errno_message(errno)));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const std::scoped_lock lock(mutex_);
  send_time(ours.get(), until_);
  connections_.push_front(std::move(ours));
  return std::unique_ptr<Connection>(
      new Connection(*this, connections_.begin(), std::move(theirs)));
}

Lifeline::Connection::~Connection() {
  const std::scoped_lock lock(lifeline_.mutex_);
  lifeline_.connections_.erase(ours_);
}

}  // namespace agent_secrets
