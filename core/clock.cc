#include "core/clock.h"

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
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds.count()),
                     (unix_time - seconds).count());
}

}  // namespace agent_secrets
