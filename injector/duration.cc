#include "injector/duration.h"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace agent_secrets {
namespace {

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr std::array<Unit, 4> kUnits = {{{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}}};
constexpr std::int64_t kLongest = std::int64_t{10} * 366 * 86'400;

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
  std::int64_t unit_seconds = 1;
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.letter)) continue;
    unit_seconds = unit.seconds;
    text.remove_suffix(1);
    break;
  }
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::int64_t seconds = count * unit_seconds;
  if (seconds > kLongest) return std::nullopt;
  return std::chrono::seconds(seconds);
}

std::string format_duration(std::chrono::seconds duration) {
  const std::int64_t seconds = duration.count();
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    if (seconds < kUnits[i].seconds) continue;
    const std::int64_t rest = seconds % kUnits[i].seconds / kUnits[i + 1].seconds;
    const std::string most = fmt::format("{}{}", seconds / kUnits[i].seconds, kUnits[i].letter);
    return rest == 0 ? most : fmt::format("{} {}{}", most, rest, kUnits[i + 1].letter);
  }
  return fmt::format("{}s", seconds);
}

}  // namespace agent_secrets
