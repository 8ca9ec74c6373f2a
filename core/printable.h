#pragma once
// Text from outside on its way to a terminal or a log: what could move a cursor, forge a line or is
// no UTF-8 has to be seen, not obeyed.

#include <cstddef>
#include <string>
#include <string_view>

namespace agent_secrets {

// The length of the valid UTF-8 sequence that `rest` starts with, or 0. Overlong forms, surrogates
// and what lies past U+10FFFF are invalid (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view rest);

// C0, DEL, and C1, which some terminals obey as escape sequences. Takes one valid sequence.
bool is_control(std::string_view sequence);

// Each byte of a control character or of invalid UTF-8 as \xNN, everything else as it is.
std::string printable(std::string_view text);

}  // namespace agent_secrets
