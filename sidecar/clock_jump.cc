#include "sidecar/clock_jump.h"

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace agent_secrets::sidecar {
namespace {

std::unexpected<Error> fail_errno(std::string_view what) {
  return fail(ErrorCode::failed, fmt::format("{}: {}", what, errno_message(errno)));
}

}  // namespace

Result<ClockJump> ClockJump::watch() {
  UniqueFd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer.is_open()) return fail_errno("timerfd_create");
  ClockJump jump(std::move(timer));
  if (auto armed = jump.arm(); !armed) return propagate(armed);
  return jump;
}

Result<bool> ClockJump::happened() {
  std::uint64_t expirations = 0;
  if (::read(timer_.get(), &expirations, sizeof expirations) < 0 && errno == EAGAIN) return false;
  // ECANCELED means a jump. An expiry of the timer (in the year 2262) would count as a jump too.
  if (auto armed = arm(); !armed) return propagate(armed);
  return true;
}

Result<void> ClockJump::arm() const {
  // The last second that the kernel can represent (KTIME_SEC_MAX), in the year 2262.
  constexpr time_t kNever = 9'223'372'036;
  constexpr int kFlags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  const itimerspec never{.it_interval = {}, .it_value = {.tv_sec = kNever, .tv_nsec = 0}};
  // ECANCELED: the timer is armed, and an unreported jump happened before (since Linux 3.0).
  if (::timerfd_settime(timer_.get(), kFlags, &never, nullptr) != 0 && errno != ECANCELED) {
    return fail_errno("timerfd_settime");
  }
  return {};
}

}  // namespace agent_secrets::sidecar
