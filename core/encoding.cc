#include "core/encoding.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <sodium.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::size_t decoded_size(std::string_view text) { return text.size() * 3 / 4; }

bool is_ascii(std::string_view text) {
  unsigned seen = 0;
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return seen < 0x80;
}

// In constant time, which costs some 85 instructions a character. Without characters to ignore and
// without an end pointer, libsodium (1.0.18) refuses every spelling but the canonical one.
// Exception: it accepts some bytes from 0x80 on as digits.
bool decode_secret(std::span<std::uint8_t> out, std::string_view text) {
  if (out.empty()) return text.empty();  // a single character encodes no byte
  std::size_t size = 0;
  return is_ascii(text) &&
         sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size,
                           nullptr, kVariant) == 0 &&
         size == out.size();
}

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
// Both digits of 12 bits, in the order in which they are written: half as many look-ups.
constexpr std::array<std::array<char, 2>, 4096> kPairs = [] {
  std::array<std::array<char, 2>, 4096> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kAlphabet[i >> 6], kAlphabet[i & 63]};
  return pairs;
}();
constexpr std::uint32_t kNoDigit = 64;  // a bit that no digit has

constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}();

std::uint32_t digit(char c) { return kDigits[static_cast<unsigned char>(c)]; }

// Two digits are one byte and 4 more bits, three digits are two bytes and 2 more bits. The extra
// bits must be zero.
bool decode_tail(std::uint8_t* out, std::string_view text) {
  if (text.empty()) return true;
  if (text.size() == 1) return false;  // a single character encodes no byte
  const std::uint32_t a = digit(text[0]);
  const std::uint32_t b = digit(text[1]);
  const std::uint32_t c = text.size() == 3 ? digit(text[2]) : 0;
  const std::uint32_t group = a << 18 | b << 12 | c << 6;
  out[0] = static_cast<std::uint8_t>(group >> 16);
  if (text.size() == 3) out[1] = static_cast<std::uint8_t>(group >> 8);
  const std::uint32_t spare = text.size() == 3 ? 0xff : 0xffff;
  return ((a | b | c) & kNoDigit) == 0 && (group & spare) == 0;
}

// One byte is two digits, two bytes are three digits. The digits' extra bits are zero.
void encode_tail(char* out, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return;
  const std::uint32_t second = bytes.size() == 2 ? bytes[1] : 0;
  const std::uint32_t group = std::uint32_t{bytes[0]} << 16 | second << 8;
  out[0] = kAlphabet[group >> 18];
  out[1] = kAlphabet[group >> 12 & 63];
  if (bytes.size() == 2) out[2] = kAlphabet[group >> 6 & 63];
}

// By table, for speed: a bundle is base64url-encoded twice. The decoded bytes are ciphertext or
// public, so constant time is not needed.
bool decode_public(std::span<std::uint8_t> bytes, std::string_view text) {
  std::uint8_t* out = bytes.data();
  std::uint32_t seen = 0;
  const char* in = text.data();
  for (const char* const end = in + text.size() / 4 * 4; in != end; in += 4, out += 3) {
    const std::uint32_t a = digit(in[0]);
    const std::uint32_t b = digit(in[1]);
    const std::uint32_t c = digit(in[2]);
    const std::uint32_t d = digit(in[3]);
    const std::uint32_t group = a << 18 | b << 12 | c << 6 | d;
    seen |= a | b | c | d;
    out[0] = static_cast<std::uint8_t>(group >> 16);
    out[1] = static_cast<std::uint8_t>(group >> 8);
    out[2] = static_cast<std::uint8_t>(group);
  }
  return decode_tail(out, text.substr(text.size() / 4 * 4)) && (seen & kNoDigit) == 0;
}

}  // namespace

void append_base64url(std::string& text, std::span<const std::uint8_t> bytes) {
  const std::size_t before = text.size();
  text.resize(before + base64url_size(bytes.size()));
  char* out = text.data() + before;
  const std::uint8_t* in = bytes.data();
  for (const std::uint8_t* const end = in + bytes.size() / 3 * 3; in != end; in += 3, out += 4) {
    const std::uint32_t group = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
    std::memcpy(out, kPairs[group >> 12].data(), 2);
    std::memcpy(out + 2, kPairs[group & 4095].data(), 2);
  }
  encode_tail(out, bytes.subspan(bytes.size() / 3 * 3));
}

std::string base64url_encode(std::span<const std::uint8_t> bytes) {
  std::string text;
  append_base64url(text, bytes);
  return text;
}

std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text) {
  std::vector<std::uint8_t> bytes(decoded_size(text));
  if (!decode_public(bytes, text)) return std::nullopt;
  return bytes;
}

std::optional<SecretBuffer> base64url_decode_secret(std::string_view text, SecretSlab* slab) {
  SecretBuffer bytes = take_or_allocate(slab, decoded_size(text));
  if (!decode_secret(bytes.expose(), text)) return std::nullopt;
  return bytes;
}

SecretBuffer base64url_encode_secret(std::span<const std::uint8_t> bytes, std::string_view before) {
  const std::size_t size = sodium_base64_encoded_len(bytes.size(), kVariant);  // with its NUL
  SecretBuffer text(before.size() + size);
  const std::span<std::uint8_t> whole = text.expose();
  std::ranges::copy(as_bytes(before), whole.begin());
  sodium_bin2base64(reinterpret_cast<char*>(whole.subspan(before.size()).data()), size,
                    bytes.data(), bytes.size(), kVariant);
  text.truncate(text.size() - 1);
  return text;
}

// In constant time, because a token may be a secret.
std::string random_token(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  // The function counts and writes a NUL; it overwrites the string's own NUL.
  std::string text(sodium_base64_encoded_len(size, kVariant) - 1, '\0');
  sodium_bin2base64(text.data(), text.size() + 1, bytes.data(), size, kVariant);
  return text;
}

}  // namespace agent_secrets
