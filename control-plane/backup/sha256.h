#pragma once
// The SHA-256 of bytes that come in pieces, as `sha256sum` prints it.

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include <fmt/format.h>
#include <sodium.h>

namespace agent_secrets::control_plane {

class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, crypto_hash_sha256_BYTES>;

  Sha256() { crypto_hash_sha256_init(&state_); }
  void add(std::span<const std::uint8_t> bytes) {
    crypto_hash_sha256_update(&state_, bytes.data(), bytes.size());
  }
  // Of what was added until now. More can be added afterwards.
  [[nodiscard]] Digest digest() const {
    crypto_hash_sha256_state copy = state_;
    Digest digest{};
    crypto_hash_sha256_final(&copy, digest.data());
    return digest;
  }
  [[nodiscard]] std::string hex() const { return fmt::format("{:02x}", fmt::join(digest(), "")); }

 private:
  crypto_hash_sha256_state state_{};
};

}  // namespace agent_secrets::control_plane
