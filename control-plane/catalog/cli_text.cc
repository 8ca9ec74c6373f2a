#include "control-plane/catalog/cli_text.h"

#include <algorithm>

#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

bool is_markup(char c) { return c == '[' || c == ']'; }

}  // namespace

bool is_showable(std::string_view text) {
  return is_plain_text(text) && std::ranges::none_of(text, is_markup);
}

std::string shown(std::string_view name) {
  constexpr std::size_t kShown = 64;
  std::string text = "'";
  for (const char c : name.substr(0, kShown)) {
    text += c >= ' ' && c < 0x7f && !is_markup(c) ? c : '?';
  }
  text += name.size() > kShown ? "…'" : "'";
  return text;
}

std::string without_markup(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '[', '(');
  std::ranges::replace(plain, ']', ')');
  return plain;
}

}  // namespace agent_secrets::control_plane
