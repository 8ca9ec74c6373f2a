#include "core/error.h"

#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/printable.h"
#include "core/standard_streams.h"

namespace agent_secrets {

Error Error::within(std::string_view clause) && {
  std::string chained(clause);
  chained += ": ";
  chained += message;
  return Error{.code = code, .message = std::move(chained), .hint = std::move(hint)};
}

std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint) {
  return std::unexpected(
      Error{.code = code, .message = std::move(message), .hint = std::move(hint)});
}

std::string describe(std::string_view program, const Error& error) {
  std::string text(program);
  text += ": error: ";
  text += printable(error.message);
  text += '\n';
  if (!error.hint.empty()) {
    text += "hint: ";
    text += printable(error.hint);
    text += '\n';
  }
  return text;
}

std::string errno_message(int error_number) {
  std::string message = std::generic_category().message(error_number);
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  // Lower case, because it continues a sentence. Abbreviations ("RPC …") are not changed.
  if (message.size() > 1 && is_upper(message[0]) && !is_upper(message[1])) {
    message[0] = static_cast<char>(message[0] + ('a' - 'A'));
  }
  return message;
}

void assertion_failed(const char* expression, const char* file, int line) {
  write_last_words(std::string(file) + ':' + std::to_string(line) +
                   ": assertion failed: " + expression + '\n');
  std::abort();
}

}  // namespace agent_secrets
