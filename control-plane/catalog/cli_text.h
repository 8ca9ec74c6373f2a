#pragma once
// Texts that the official CLI prints. It interprets square brackets as markup, and an unmatched one
// ends it with a traceback. So no text of an answer may have a square bracket: names with brackets
// are refused, and texts from elsewhere get other brackets.

#include <string>
#include <string_view>

namespace agent_secrets::control_plane {

// Plain text (core/printable.h) without square brackets.
bool is_showable(std::string_view text);
// 'name', shortened, and with '?' for everything that is not showable ASCII.
std::string shown(std::string_view name);
// The text with round brackets in the place of square brackets.
std::string without_markup(std::string_view text);

}  // namespace agent_secrets::control_plane
