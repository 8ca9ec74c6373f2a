#pragma once
// --timeout: the total time of a start, from reading the options to execve. A wait for the control
// plane or the sidecar gets all of it but a tenth (at most one second). This reserve is for reading
// the cache, opening the bundle and exec. So a start from the cache ends in time too, and a wait
// that times out reports its own error before the watchdog ends the process.

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
