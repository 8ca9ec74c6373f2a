#include "core/clock.h"

#include <ctime>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace agent_secrets {
namespace {

template <typename BaseClock>
std::chrono::milliseconds since_epoch() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(BaseClock::now().time_since_epoch());
}

}  // namespace

std::chrono::milliseconds SystemClock::unix_time() const {
  return since_epoch<std::chrono::system_clock>();
}

std::chrono::milliseconds SystemClock::monotonic() const {
  return since_epoch<std::chrono::steady_clock>();
}

void SystemClock::sleep_for(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);
}

std::string format_timestamp(std::chrono::milliseconds unix_time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(unix_time);
  // Each line of a log has a time, and a format of times takes much longer than this one.
  const std::tm time = fmt::gmtime(seconds.count());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", time.tm_year + 1900,
                     time.tm_mon + 1, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec,
                     (unix_time - seconds).count());
}

}  // namespace agent_secrets
