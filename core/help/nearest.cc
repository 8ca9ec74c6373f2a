#include "core/help/nearest.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace agent_secrets::help {

std::size_t edit_distance(std::string_view one, std::string_view other) {
  if (one.size() > kWordMax || other.size() > kWordMax) return kWordMax + 1;
  // Three rows of the table: of the prefixes two shorter, one shorter, and at hand.
  using Distances = std::array<std::size_t, kWordMax + 1>;
  Distances before{};
  Distances above{};
  Distances current{};
  for (std::size_t j = 0; j <= other.size(); ++j) current.at(j) = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    before = above;
    above = current;
    current.at(0) = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t replaced = above.at(j - 1) + (one[i - 1] == other[j - 1] ? 0 : 1);
      current.at(j) = std::min({above.at(j) + 1, current.at(j - 1) + 1, replaced});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
        current.at(j) = std::min(current.at(j), before.at(j - 2) + 1);
      }
    }
  }
  return current.at(other.size());
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLetter = 2;  // "-q" is near to every other letter
  constexpr std::size_t kShortWord = 3;
  if (word.size() <= kLetter && word.starts_with('-')) return std::nullopt;
  std::size_t bound = word.size() <= kShortWord ? 1 : 2;
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance > bound || (best && distance == bound)) continue;
    best = candidate;
    bound = distance;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const auto meant = nearest(word, candidates);
  return meant ? fmt::format("; did you mean '{}'?", *meant) : std::string();
}

std::string unknown_option(std::string_view word, std::span<const std::string> options,
                           std::span<const std::string> commands) {
  constexpr std::size_t kShortOption = 2;
  const bool is_long = word.starts_with("--");
  const std::string_view name =
      is_long ? word.substr(0, word.find('=')) : word.substr(0, kShortOption);
  std::string meant = did_you_mean(name, options);
  if (meant.empty() && is_long) meant = did_you_mean(name.substr(2), commands);
  return fmt::format("unknown option {}{}", name, meant);
}

}  // namespace agent_secrets::help
