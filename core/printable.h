#pragma once
// Text that came from outside: what a name may consist of, and how text is shown on a terminal or
// in a log. Shown text stays readable, but it can neither forge a line, nor move a cursor, nor
// change how the text around it is displayed.
//
// Hidden characters are those that show nothing of themselves: control characters (C0, DEL, and C1,
// which some terminals obey as escape sequences), separators of lines and paragraphs, controls of
// the writing direction, zero-width characters, fillers, and tags (Unicode's
// Default_Ignorable_Code_Point, without the variation selectors that emoji use).
//
// Names are checked where they come in (is_plain_text), and text is escaped where it goes out
// (printable, printable_json): what is stored may be older than the check.

#include <cstddef>
#include <string>
#include <string_view>

namespace agent_secrets {

// Valid UTF-8 without hidden characters.
bool is_plain_text(std::string_view text);

// Hidden characters and bytes that are not UTF-8 become \xNN, byte by byte. Everything else stays
// as it is, a backslash too.
std::string printable(std::string_view text);
// The same for text of several lines: '\n' stays.
std::string printable_lines(std::string_view text);

// For text inside a JSON string, or a whole JSON document on one line: hidden characters become
// \uNNNN, which a reader turns back, and bytes that are not UTF-8 become \ufffd.
std::string printable_json(std::string_view text);

// The length of the valid UTF-8 sequence that `rest` (not empty) starts with, or 0. Overlong forms,
// surrogates and what lies past U+10FFFF are invalid (RFC 3629 section 4).
std::size_t utf8_sequence(std::string_view rest);

}  // namespace agent_secrets
