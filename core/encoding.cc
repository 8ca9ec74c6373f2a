#include "core/encoding.h"

#include <algorithm>

#include <sodium.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::size_t decoded_size(std::string_view text) { return text.size() * 3 / 4; }

// libsodium takes every byte from 0x80 on for '_' where char is signed.
bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// For ASCII, libsodium refuses every spelling but the canonical one when it is given nothing to
// ignore and no place to stop at.
bool decode_into(std::span<std::uint8_t> out, std::string_view text) {
  if (!is_ascii(text)) return false;
  if (out.empty()) return text.empty();  // a single character stands for no byte
  std::size_t size = 0;
  return sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size,
                           nullptr, kVariant) == 0 &&
         size == out.size();
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
  if (!decode_into(bytes, text)) return std::nullopt;
  return bytes;
}

std::optional<SecretBuffer> base64url_decode_secret(std::string_view text) {
  SecretBuffer bytes(decoded_size(text));
  if (!decode_into(bytes.expose(), text)) return std::nullopt;
  return bytes;
}

std::string random_token(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  return base64url_encode(bytes);
}

}  // namespace agent_secrets
