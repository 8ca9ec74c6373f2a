#pragma once
// Text that came from outside, on its way to a terminal or a log: what it says stays readable, and
// it can neither forge a line nor move a cursor.
//
// Control characters (C0, DEL, and C1, which some terminals obey as escape sequences) and bytes
// that are not UTF-8 become \xNN. Everything else stays as it is, a backslash too.

#include <cstddef>
#include <string>
#include <string_view>

namespace agent_secrets {

std::string printable(std::string_view text);

// The length of the valid UTF-8 sequence that `rest` (not empty) starts with, or 0. Overlong forms,
// surrogates and what lies past U+10FFFF are invalid (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view rest);

// Whether a valid sequence is a control character.
bool is_control(std::string_view sequence);

}  // namespace agent_secrets
