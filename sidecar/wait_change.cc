#include "sidecar/wait_change.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets::sidecar {
namespace {

using std::chrono::milliseconds;

// The end of a sidecar changes no file, so its lock is checked at this interval.
constexpr milliseconds kLook{5'000};

std::unexpected<Error> fail_errno(std::string_view what) {
  return fail(ErrorCode::failed, fmt::format("wait-change: {}: {}", what, errno_message(errno)),
              "give the state directory that injector and sidecar share with --state-dir");
}

Result<UniqueFd> watch_directory(const std::string& path) {
  UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.is_open()) return fail_errno("inotify_init1");
  if (::inotify_add_watch(fd.get(), path.c_str(), IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0) {
    return fail_errno(path);
  }
  return fd;
}

// Discards the events: the files are read again in any case.
void forget_events(int fd) {
  std::array<char, 4096> events{};
  while (::read(fd, events.data(), events.size()) > 0) {
  }
}

bool is_awaited(const WaitChangeOptions& options, WatchState state) {
  if (options.from) return state != *options.from;
  return state != WatchState::current && state != WatchState::unknown;
}

}  // namespace

Result<StatusReport> wait_change(const WaitChangeOptions& options, const Clock& clock) {
  const auto events = watch_directory(options.state_directory);
  if (!events) return std::unexpected(events.error());
  const milliseconds started = clock.monotonic();
  for (;;) {
    StatusReport report = report_status({.state_directory = options.state_directory, .json = false},
                                        clock.unix_time());
    if (is_awaited(options, report.state)) return report;
    milliseconds wait = kLook;
    if (options.timeout) {
      const milliseconds left = *options.timeout - (clock.monotonic() - started);
      if (left <= milliseconds(0)) {
        report.exit_code = kExitTimedOut;
        return report;
      }
      wait = std::min(wait, left);
    }
    pollfd waited{.fd = events->get(), .events = POLLIN, .revents = 0};
    if (::poll(&waited, 1, static_cast<int>(wait.count())) < 0 && errno != EINTR) {
      return fail_errno("poll");
    }
    forget_events(events->get());
  }
}

}  // namespace agent_secrets::sidecar
