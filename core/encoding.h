#pragma once
// base64url without padding (RFC 4648 section 5), in the canonical form only: padding, white space,
// the standard alphabet and non-zero trailing bits are refused, so each value has exactly one
// spelling.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/secret_buffer.h"

namespace agent_secrets {

// By table, so not in constant time: for ciphertext and what is public.
std::string base64url_encode(std::span<const std::uint8_t> bytes);
void append_base64url(std::string& text, std::span<const std::uint8_t> bytes);
constexpr std::size_t base64url_size(std::size_t bytes) { return (bytes * 4 + 2) / 3; }
std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text);
// Decodes into guarded memory and in constant time, for seeds and keys.
std::optional<SecretBuffer> base64url_decode_secret(std::string_view text,
                                                    SecretSlab* slab = nullptr);
// Encodes into guarded memory and in constant time, for seeds and keys. The result begins with
// `before`, which is not secret.
SecretBuffer base64url_encode_secret(std::span<const std::uint8_t> bytes,
                                     std::string_view before = {});

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `size` random bytes from the kernel (libsodium), as base64url.
std::string random_token(std::size_t size);

}  // namespace agent_secrets
