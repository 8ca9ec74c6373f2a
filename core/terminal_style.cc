#include "core/terminal_style.h"

#include <array>

#include <fmt/format.h>
#include <strings.h>

#include "core/find_variable.h"

namespace agent_secrets {
namespace {

std::string_view value_of(const char* const* environment, std::string_view name) {
  const char* value = find_variable(environment, name);
  return value == nullptr ? std::string_view() : value;
}

// setlocale(3): the first of these that is set and not empty decides.
std::string_view locale_of(const char* const* environment) {
  for (const std::string_view name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const std::string_view value = value_of(environment, name); !value.empty()) return value;
  }
  return {};
}

// "en_US.UTF-8", "C.utf8@modifier".
bool is_utf8(std::string_view locale) {
  const std::size_t dot = locale.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string charset(locale.substr(dot + 1, locale.find('@', dot) - dot - 1));
  return ::strcasecmp(charset.c_str(), "utf-8") == 0 || ::strcasecmp(charset.c_str(), "utf8") == 0;
}

}  // namespace

std::string TerminalStyle::paint(Colour colour_wanted, std::string_view text) const {
  constexpr std::array<int, 4> kCodes = {31, 32, 33, 2};
  if (!colour) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour_wanted)], text);
}

TerminalStyle choose_style(bool is_terminal, const char* const* environment) {
  const bool declined =
      !value_of(environment, "NO_COLOR").empty() || value_of(environment, "TERM") == "dumb";
  const std::string_view locale = locale_of(environment);
  return {.terminal = is_terminal,
          .colour = is_terminal && !declined,
          .symbols = locale.empty() || is_utf8(locale)};
}

}  // namespace agent_secrets
