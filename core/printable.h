#pragma once
// Text that came from outside: which characters a name may have, and how text is shown on a
// terminal or in a log. Shown text stays readable, but it can neither forge a line, nor move a
// cursor, nor change how the text around it is displayed.
//
// Hidden characters have no visible form: control characters (C0, DEL, and C1, which some terminals
// obey as escape sequences), separators of lines and paragraphs, controls of the writing direction,
// zero-width characters, fillers, and tags (Unicode's Default_Ignorable_Code_Point, without the
// variation selectors that emoji use).
//
// Names are checked on input (is_plain_text), and text is also escaped on output (printable,
// printable_json), because stored text may be older than the check.

#include <cstddef>
#include <string>
#include <string_view>

namespace agent_secrets {

// Valid UTF-8 without hidden characters.
bool is_plain_text(std::string_view text);

// Hidden characters and bytes that are not UTF-8 become \xNN, byte by byte. All other characters
// are not changed, not even a backslash.
std::string printable(std::string_view text);
// As printable(), for text of several lines: '\n' is not changed.
std::string printable_lines(std::string_view text);

// For text inside a JSON string, or a whole JSON document on one line: hidden characters become
// \uNNNN, which a JSON parser decodes, and bytes that are not UTF-8 become \ufffd.
std::string printable_json(std::string_view text);

// The length of the valid UTF-8 sequence that `rest` (not empty) starts with, or 0. Overlong forms,
// surrogates and values over U+10FFFF are invalid (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view rest);

}  // namespace agent_secrets
