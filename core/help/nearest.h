#pragma once
// The existing word that is nearest to a mistyped one.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace agent_secrets::help {

// Longer words are not compared: the work stays within kWordMax² steps.
inline constexpr std::size_t kWordMax = 64;

// The optimal string alignment distance (Damerau-Levenshtein in which no part is edited twice):
// how many characters to insert, remove or replace, or neighbours to exchange. kWordMax + 1 if a
// word is longer than kWordMax.
std::size_t edit_distance(std::string_view one, std::string_view other);

// The candidate at the smallest distance, the first of equals. None at a distance over 2, or over
// 1 for a word of at most three characters.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'status'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// "unknown option --chek; did you mean 'check'?": an option, else a command. Says nothing of what
// follows the name: behind '=', or behind the letter of a short option, stands a value.
std::string unknown_option(std::string_view word, std::span<const std::string> options,
                           std::span<const std::string> commands);

}  // namespace agent_secrets::help
