#pragma once
// --timeout: one total for a start, from reading the options to execve. Fetching gets all but a
// tenth (a second at most): what is kept back is for turning to the cache, opening and exec, so
// that a start on the cache is over in time too.

#include <algorithm>
#include <chrono>

namespace agent_secrets {

class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  // Never negative.
  [[nodiscard]] std::chrono::milliseconds left() const {
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(end_ - Steady::now()),
                    std::chrono::milliseconds(0));
  }
  [[nodiscard]] std::chrono::milliseconds left_for_fetching() const {
    return std::max(left() - kept_back(), std::chrono::milliseconds(0));
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
