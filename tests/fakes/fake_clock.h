#pragma once
// A Clock that stands still until a test, or a sleep, moves it. Sleeps are recorded and take no
// time.
//
// Threads: one.

#include <chrono>
#include <vector>

#include "core/clock.h"

namespace agent_secrets {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(std::chrono::milliseconds unix_time = std::chrono::seconds(1'700'000'000))
      : unix_time_(unix_time) {}

  [[nodiscard]] std::chrono::milliseconds unix_time() const override { return unix_time_; }
  [[nodiscard]] std::chrono::milliseconds monotonic() const override { return monotonic_; }
  void sleep_for(std::chrono::milliseconds duration) override {
    sleeps.push_back(duration);
    advance(duration);
  }

  void advance(std::chrono::milliseconds duration) {
    unix_time_ += duration;
    monotonic_ += duration;
  }
  // The wall clock is set; the monotonic one is not.
  void jump_to(std::chrono::milliseconds unix_time) { unix_time_ = unix_time; }

  std::vector<std::chrono::milliseconds> sleeps;

 private:
  std::chrono::milliseconds unix_time_;
  std::chrono::milliseconds monotonic_{1'000'000};
};

}  // namespace agent_secrets
