#pragma once
// --timeout: one total for a start, from reading the options to execve. Waiting for somebody else,
// the control plane or the sidecar, gets all but a tenth (a second at most). What is kept back is
// for turning to the cache, opening and exec, so that a start on the cache is over in time too, and
// a wait reports for itself before the watchdog does.

#include <algorithm>
#include <chrono>

namespace agent_secrets {

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  // Never negative.
  [[nodiscard]] std::chrono::milliseconds left_for_waiting() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Steady::now());
    return std::max(left - kept_back(), std::chrono::milliseconds(0));
  }
  [[nodiscard]] std::chrono::milliseconds kept_back() const {
    return std::min(timeout_ / 10, std::chrono::milliseconds(1'000));
  }

 private:
  using Steady = std::chrono::steady_clock;
  std::chrono::milliseconds timeout_;
  Steady::time_point end_ = Steady::now() + timeout_;
};

}  // namespace agent_secrets
