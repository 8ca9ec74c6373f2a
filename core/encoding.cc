#include "core/encoding.h"

#include <array>

#include <sodium.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::size_t decoded_size(std::string_view text) { return text.size() * 3 / 4; }

// In constant time, which costs some 85 instructions a character. libsodium refuses every spelling
// but the canonical one when it is given nothing to ignore and no place to stop at.
bool decode_secret(std::span<std::uint8_t> out, std::string_view text) {
  if (out.empty()) return text.empty();  // a single character stands for no byte
  std::size_t size = 0;
  return sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size,
                           nullptr, kVariant) == 0 &&
         size == out.size();
}

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint32_t kNoDigit = 64;  // the one bit that no digit has

constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}();

// By table: a bundle is in base64url twice over, and what it decodes to is ciphertext or public.
bool decode_public(std::span<std::uint8_t> out, std::string_view text) {
  if (text.size() % 4 == 1) return false;  // a single character stands for no byte
  std::uint32_t all = 0;                   // every digit seen
  std::uint32_t group = 0;
  std::size_t filled = 0;
  const auto append = [&](char c) {
    const std::uint32_t digit = kDigits[static_cast<unsigned char>(c)];
    all |= digit;
    group = group << 6 | digit;
  };
  for (; text.size() >= 4; text.remove_prefix(4)) {
    for (std::size_t i = 0; i < 4; ++i) append(text[i]);
    for (const int shift : {16, 8, 0}) out[filled++] = static_cast<std::uint8_t>(group >> shift);
  }
  group = 0;
  for (const char c : text) append(c);
  // Two digits are a byte and 4 bits, three are two bytes and 2 bits: those have to be zero.
  const std::size_t spare_bits = text.size() * 6 % 8;
  for (std::size_t bits = text.size() * 6; bits >= 8; bits -= 8) {
    out[filled++] = static_cast<std::uint8_t>(group >> (bits - 8));
  }
  return (all & kNoDigit) == 0 && (group & ((1U << spare_bits) - 1)) == 0;
}

}  // namespace

std::string base64url_encode(std::span<const std::uint8_t> bytes) {
  // The function counts and writes a NUL, which falls on the string's own.
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant) - 1, '\0');
  sodium_bin2base64(text.data(), text.size() + 1, bytes.data(), bytes.size(), kVariant);
  return text;
}

std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text) {
  std::vector<std::uint8_t> bytes(decoded_size(text));
  if (!decode_public(bytes, text)) return std::nullopt;
  return bytes;
}

std::optional<SecretBuffer> base64url_decode_secret(std::string_view text) {
  SecretBuffer bytes(decoded_size(text));
  if (!decode_secret(bytes.expose(), text)) return std::nullopt;
  return bytes;
}

std::string random_token(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  return base64url_encode(bytes);
}

}  // namespace agent_secrets
