#pragma once
// Detects that the wall clock was set or that the machine was suspended: afterwards the connection
// of a long poll may be dead. It is a descriptor for poll(2), and causes no periodic wake-ups.
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
  // Readable after a jump, until happened() is called.
  [[nodiscard]] int fd() const { return timer_.get(); }
  // Whether there was a jump since the last call.
  [[nodiscard]] Result<bool> happened();

 private:
  explicit ClockJump(UniqueFd timer) : timer_(std::move(timer)) {}
  [[nodiscard]] Result<void> arm() const;

  UniqueFd timer_;
};

}  // namespace agent_secrets::sidecar
