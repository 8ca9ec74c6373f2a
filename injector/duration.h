#pragma once
// Durations as people write and read them: "90s", "30m", "24h", "7d"; a bare number is seconds.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace agent_secrets {

// Absent for any other text: signs, fractions, unknown units, and more than ten years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);

// In its two largest units: "45s", "2h 5m", "3d 4h".
std::string format_duration(std::chrono::seconds duration);

}  // namespace agent_secrets
