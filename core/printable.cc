#include "core/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace agent_secrets {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

// Unicode 15.1: general categories Cc, Zl and Zp, the property Default_Ignorable_Code_Point except
// U+FE00 to U+FE0F, and the interlinear annotation controls. Sorted.
constexpr std::array kHidden = {
    Range{0x0000, 0x001f},    // C0
    Range{0x007f, 0x009f},    // DEL and C1
    Range{0x00ad, 0x00ad},    // soft hyphen
    Range{0x034f, 0x034f},    // combining grapheme joiner
    Range{0x061c, 0x061c},    // Arabic letter mark
    Range{0x115f, 0x1160},    // Hangul fillers
    Range{0x17b4, 0x17b5},    // Khmer inherent vowels
    Range{0x180b, 0x180f},    // Mongolian selectors and vowel separator
    Range{0x200b, 0x200f},    // zero-width characters, direction marks
    Range{0x2028, 0x202e},    // line and paragraph separators, direction overrides
    Range{0x2060, 0x206f},    // word joiner, invisible operators, direction isolates
    Range{0x3164, 0x3164},    // Hangul filler
    Range{0xfeff, 0xfeff},    // byte order mark
    Range{0xffa0, 0xffa0},    // halfwidth Hangul filler
    Range{0xfff0, 0xfffb},    // unassigned, and interlinear annotation
    Range{0x1bca0, 0x1bca3},  // shorthand format controls
    Range{0x1d173, 0x1d17a},  // musical format controls
    Range{0xe0000, 0xe0fff},  // tags, more variation selectors
};

// The code point of a valid sequence.
std::uint32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  std::uint32_t code = first & (0x7fU >> sequence.size());
  for (const char c : sequence.substr(1))
    code = code << 6U | (static_cast<unsigned char>(c) & 0x3fU);
  return code;
}

bool is_hidden(std::uint32_t code) {
  const auto* range = std::ranges::lower_bound(kHidden, code, {}, &Range::last);
  return range != kHidden.end() && range->first <= code;
}

void escape_bytes(std::string_view bytes, std::string& out) {
  for (const char c : bytes) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

// In UTF-16, as JSON has it (RFC 8259 section 7).
void escape_utf16(std::uint32_t code, std::string& out) {
  if (code < 0x10000) {
    out += fmt::format("\\u{:04x}", code);
  } else {
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xd7c0 + (code >> 10U), 0xdc00 + (code & 0x3ffU));
  }
}

// Calls `show` with each visible valid character and each `kept` character, `hide` with each other
// valid character and its code point, and `spoil` with each byte that is not part of a valid
// character.
void for_each_character(std::string_view text, char kept, const auto& show, const auto& hide,
                        const auto& spoil) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) {
      spoil(sequence);
    } else if (const auto code = code_point(sequence);
               is_hidden(code) && !(kept != 0 && sequence[0] == kept)) {
      hide(sequence, code);
    } else {
      show(sequence);
    }
    text.remove_prefix(sequence.size());
  }
}

std::string escaped(std::string_view text, char kept) {
  std::string printed;
  printed.reserve(text.size());
  for_each_character(
      text, kept, [&](std::string_view sequence) { printed += sequence; },
      [&](std::string_view sequence, std::uint32_t) { escape_bytes(sequence, printed); },
      [&](std::string_view byte) { escape_bytes(byte, printed); });
  return printed;
}

}  // namespace

std::size_t utf8_sequence(std::string_view rest) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xc2 ? 0
                             : first < 0xe0 ? 2
                             : first < 0xf0 ? 3
                             : first < 0xf5 ? 4
                                            : 0;
  if (length == 0 || rest.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;
  if (first == 0xed && byte(1) > 0x9f) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  if (first == 0xf4 && byte(1) > 0x8f) return 0;
  return length;
}

bool is_plain_text(std::string_view text) {
  bool plain = true;
  for_each_character(
      text, 0, [](std::string_view) {}, [&](std::string_view, std::uint32_t) { plain = false; },
      [&](std::string_view) { plain = false; });
  return plain;
}

std::string printable(std::string_view text) { return escaped(text, 0); }

std::string printable_lines(std::string_view text) { return escaped(text, '\n'); }

std::string printable_json(std::string_view text) {
  std::string printed;
  printed.reserve(text.size());
  for_each_character(
      text, 0, [&](std::string_view sequence) { printed += sequence; },
      [&](std::string_view, std::uint32_t code) { escape_utf16(code, printed); },
      [&](std::string_view) { printed += "\\ufffd"; });
  return printed;
}

}  // namespace agent_secrets
