#pragma once
// The programs' source of time, so that tests can set the time. There are two clocks, never mixed:
// `unix_time` is for times that are sent or stored (it may jump); `monotonic` is for deadlines and
// ages within a process.
//
// Threads: implementations are safe to call from several threads.

#include <chrono>
#include <string>

namespace agent_secrets {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::chrono::milliseconds unix_time() const = 0;
  [[nodiscard]] virtual std::chrono::milliseconds monotonic() const = 0;
  virtual void sleep_for(std::chrono::milliseconds duration) = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::milliseconds unix_time() const override;
  [[nodiscard]] std::chrono::milliseconds monotonic() const override;
  void sleep_for(std::chrono::milliseconds duration) override;
};

// "2026-11-23T14:02:06.123Z": UTC with a fraction, the form that the official CLI can parse and
// shorten.
std::string format_timestamp(std::chrono::milliseconds unix_time);

}  // namespace agent_secrets
