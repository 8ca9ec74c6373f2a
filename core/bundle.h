#pragma once
// A bundle: the pinned set versions of one agent, merged, sealed to one credential of that agent
// (crypto_box_seal), and signed by the region (a JWS, typ "agent-secrets-bundle"). Because the
// sealed bytes are signed, an injector uses no part of a bundle, not even a length, before the
// signature is verified. Because the values are sealed, a proxy or a cache can read names and
// versions only. There is no forward secrecy: a stolen seed opens every captured bundle
// (THREAT_MODEL). Format, byte for byte: docs/protocol.md.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/error.h"
#include "core/jws.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

inline constexpr std::string_view kBundleType = "agent-secrets-bundle";
inline constexpr std::string_view kBundleMediaType = "application/jose";

struct SetVersion {
  std::string name;
  std::int64_t version = 0;
  bool operator==(const SetVersion&) const = default;
};

// The readable part of the payload.
struct BundleFacts {
  std::string organization;
  std::string agent;
  std::string deployment;
  std::int64_t sequence = 0;
  std::string recipient;  // key id of the credential that can open it
  std::vector<SetVersion> sets;
  std::string region;
  std::chrono::seconds issued_at{};
  std::string nonce;  // the request's `jti`
};

// Server side, in two steps: seal, then sign. A sealed block is ciphertext to its recipient, so it
// may be kept and sent again; each bundle is signed for its request.
//
// Seals `environment`, an environment block (core/environment_block.h), and returns base64url.
// ErrorCode::invalid: the recipient's public key is of low order, so no value can be sealed to it
// (the key was given by the user who registered the credential).
Result<std::string> seal_environment(const SecretBuffer& environment,
                                     const BoxPublicKey& recipient_key);
// `sealed` is as seal_environment() returns it. ErrorCode::too_large: over limits::kBundle, the
// most that an instance reads.
Result<std::string> sign_bundle(const BundleFacts& facts, std::string_view sealed,
                                std::string_view region_kid, const SigningKey& region_key);

// Instance side, in two steps: verify, then open. A cached bundle is verified without a nonce, and
// its age and sequence are checked before a value is decrypted.
struct VerifiedBundle {
  BundleFacts facts;
  std::string signed_by;  // key id of the region's key
  std::vector<std::uint8_t> sealed;
};

// A bundle as an instance keeps it: the JWS, and after a newline the announcements of its answer,
// if there are any (core/key_announcement.h).
std::string with_announcements(std::string compact, std::string_view announcements);

// `text` is as with_announcements() returns it. Checks that a verification key of the identity, or
// a key that they lead to by announcements, signed, and that organization, agent and recipient are
// this credential's; otherwise ErrorCode::untrusted. The caller compares the nonce.
Result<VerifiedBundle> verify_bundle(std::string_view text, const CredentialIdentity& identity);

// The environment block, unpadded, in one buffer and never copied: a part of `slab` if `slab` is
// given and has room.
Result<SecretBuffer> open_bundle(const VerifiedBundle& bundle, const BoxKey& key,
                                 SecretSlab* slab = nullptr);

}  // namespace agent_secrets
