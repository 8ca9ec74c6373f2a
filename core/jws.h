#pragma once
// A compact JWS in the only form that agent-secrets writes and accepts: Ed25519, three canonical
// base64url segments, and a protected header with exactly these bytes:
//
//   {"alg":"Ed25519","kid":"KEYID","typ":"TYPE"}
//
// So no algorithm is negotiated, and no JSON is parsed before the signature is verified. A header
// in any other spelling is refused. This is not a JOSE library: no other algorithm, no optional
// header, no JSON serialization. Source: RFC 7515 section 7.1, RFC 8037 (Ed25519), RFC 9864
// ("Ed25519" as an algorithm name).

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

using SigningPublicKey = std::array<std::uint8_t, 32>;

// An Ed25519 key pair from a 32-byte seed (crypto_sign_seed_keypair). The secret half never leaves
// guarded memory.
class SigningKey {
 public:
  // The secret half takes kSecretSize bytes of `slab`, or a separate allocation.
  static SigningKey from_seed(std::span<const std::uint8_t, 32> seed, SecretSlab* slab = nullptr);
  static constexpr std::size_t kSecretSize = 64;

  [[nodiscard]] const SigningPublicKey& public_key() const { return public_key_; }
  [[nodiscard]] std::array<std::uint8_t, 64> sign(std::span<const std::uint8_t> message) const;

 private:
  SigningKey() = default;
  SigningPublicKey public_key_{};
  SecretBuffer secret_key_;
};

// Key ids: 1 to limits::kKeyIdMax characters of [A-Za-z0-9_-], so they never need escaping in the
// header.
bool is_key_id(std::string_view text);

std::string sign_jws(std::string_view kid, std::string_view type, std::string_view payload,
                     const SigningKey& key);

struct VerifiedJws {
  std::string kid;
  std::vector<std::uint8_t> payload;  // authentic, so it may be parsed
};

// The public key of a key id, or nothing if this key may not sign here.
using KeyLookup = std::function<std::optional<SigningPublicKey>(std::string_view kid)>;

// ErrorCode::untrusted unless it is a valid signature of a known key over exactly these bytes.
Result<VerifiedJws> verify_jws(std::string_view compact, std::string_view type,
                               const KeyLookup& find_key);

}  // namespace agent_secrets
