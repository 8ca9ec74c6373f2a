#pragma once
// Notices that the wall clock was set, or that the machine slept: both leave a long poll waiting on
// a connection that may be long dead. A descriptor for poll(2), no wake-up in between.
//
// Threads: one. Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET; the kernel counts a resume from
// suspend as setting the clock.

#include <utility>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

class ClockJump {
 public:
  static Result<ClockJump> watch();
  // Readable since a jump, until happened() has been asked.
  [[nodiscard]] int fd() const { return timer_.get(); }
  // Whether there was one since the last call.
  [[nodiscard]] Result<bool> happened();

 private:
  explicit ClockJump(UniqueFd timer) : timer_(std::move(timer)) {}
  [[nodiscard]] Result<void> arm() const;

  UniqueFd timer_;
};

}  // namespace agent_secrets::sidecar
