#pragma once
// What the fuzz targets share. A target does not only wait for a crash: it asserts what must hold
// for every input (AGENT_SECRETS_ASSERT prints the expression and aborts).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sodium.h>

#include "core/error.h"
#include "core/printable.h"

namespace agent_secrets::fuzz {

// The input as text, with libsodium ready.
inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const int initialised = sodium_init();
  return {reinterpret_cast<const char*>(data), size};
}

inline bool has_no_control(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

// One line, and one for the hint: what came from outside is shown, and drives no terminal.
inline bool is_fit_to_print(const Error& error) {
  std::string lines = describe("p", error);
  const auto count = std::ranges::count(lines, '\n');
  std::erase(lines, '\n');
  return count == (error.hint.empty() ? 1 : 2) && is_plain_text(lines) && !error.message.empty();
}

}  // namespace agent_secrets::fuzz
