#pragma once
// An env file as python-dotenv 1.2 reads it, statement by statement:
//
//   KEY=value            to the end of the line, without ` # comment` and without trailing space
//   KEY='value'          with the escapes \\ and \'; may go over several lines
//   KEY="value"          with the escapes \\ \' \" \a \b \f \n \r \t \v; may go over several lines
//   KEY=                 an empty value; so is `KEY= # comment`
//   KEY                  no value: load_dotenv() sets nothing
//   export KEY=value     `export` is passed over
//   'KEY'=value          a key in single quotes may hold anything but a single quote
//
// A statement of any other form is skipped to the end of its line, as python-dotenv does with a
// warning. A byte order mark is passed over, "\r\n" and "\r" are "\n" (also inside quotes), and
// white space is Python's. `$` means nothing here: injector/env_expansion.h.
// tests/integration/test_env_file_against_dotenv.py compares the two readers on random files.
//
// Ownership: values are decoded in place, so the text is changed, and what is returned points into
// it: no copy of a value is made.

#include <optional>
#include <string_view>
#include <vector>

#include "core/secret_buffer.h"

namespace agent_secrets {

struct DotenvBinding {
  std::string_view key;                   // empty for a statement that was skipped
  std::optional<std::string_view> value;  // nothing for a key without '='
  int line = 0;                           // where the statement begins
  // Its form, for those who compare readers.
  bool is_exported = false;
  bool is_key_quoted = false;
  char quote = '\0';         // around the value
  bool has_escapes = false;  // that were decoded
  bool has_lines = false;    // a quoted value over several lines
  bool has_comment = false;  // behind the value
};

// `text` is valid UTF-8; it is truncated to what is left of it once lines end in "\n".
std::vector<DotenvBinding> parse_dotenv(SecretBuffer& text);

}  // namespace agent_secrets
