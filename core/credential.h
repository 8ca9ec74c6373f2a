#pragma once
// The credential with which an agent's container gets its secrets, and the watch credential with
// which a sidecar learns of changes.
//
//   agentcred_v1_   base64url(public JSON) "." base64url(32-byte seed, 4-byte checksum)
//   agentwatch_v1_  the same, with the 32-byte signing subkey in the seed's place
//
// The checksum (the first 4 bytes of BLAKE2b-256) detects a damaged copy; it does not stop an
// attacker. From the seed (crypto_kdf, context "agntsecr"): subkey 1 → Ed25519 (signs requests),
// subkey 2 → X25519 (opens bundles). A watch credential has subkey 1 only: it can sign requests but
// never open a bundle. Its type WatchCredential has no box key. The seed never enters a JSON
// parser, and lives in guarded memory. Format, byte for byte: docs/protocol.md.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/jws.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

using BoxPublicKey = std::array<std::uint8_t, 32>;

struct VerificationKey {
  std::string kid;
  SigningPublicKey key;
};

// The public half of a credential: safe to print, to log and to register.
struct CredentialIdentity {
  std::vector<std::string>
      urls;  // base URLs of the instance API, tried in turn; each is also the `aud` of its requests
  std::string organization;
  std::string agent;
  std::string kid;                                 // this credential's key id
  std::vector<VerificationKey> verification_keys;  // of the region: active and standby
  std::string ca_pem;  // certificates to trust instead of the system's, or empty

  [[nodiscard]] std::optional<SigningPublicKey> verification_key(std::string_view kid) const;
};

// The X25519 key pair that opens bundles.
struct BoxKey {
  BoxPublicKey public_key{};
  SecretBuffer secret_key;
};

struct WatchCredential {
  CredentialIdentity identity;
  SigningKey signing_key;
};

struct AgentCredential {
  CredentialIdentity identity;
  SigningKey signing_key;
  BoxKey box_key;
  SecretBuffer signing_subkey;  // what `watch_credential_text` writes
};

// The two public keys that a control plane registers for a seed.
struct CredentialPublicKeys {
  SigningPublicKey signing;
  BoxPublicKey box;

  bool operator==(const CredentialPublicKeys&) const = default;
};

// The public JSON alone: the control plane's answer when the seed stays with the user (`keygen`).
std::string identity_json(const CredentialIdentity& identity);
Result<CredentialIdentity> parse_identity(std::string_view json);

// The seed is 32 bytes. `identity` becomes the public JSON.
SecretBuffer agent_credential_text(const CredentialIdentity& identity,
                                   std::span<const std::uint8_t, 32> seed);
// The watch credential that goes with an agent credential.
SecretBuffer watch_credential_text(const AgentCredential& credential);
// Both together, as parse_agent_credential() would return them.
AgentCredential make_agent_credential(CredentialIdentity identity,
                                      std::span<const std::uint8_t, 32> seed,
                                      SecretSlab* slab = nullptr);
CredentialPublicKeys credential_public_keys(std::span<const std::uint8_t, 32> seed);

// White space around the text (a file's last newline) is ignored. ErrorCode::invalid names the
// fault (prefix, length, checksum, JSON, missing member), never the content. The message also says
// if the text is the other kind of credential (watch instead of agent, or the reverse).
//
// The secrets go into `slab` as far as it has room; without `slab` they share one new allocation,
// because every launch runs this code.
Result<AgentCredential> parse_agent_credential(std::string_view text, SecretSlab* slab = nullptr);
Result<WatchCredential> parse_watch_credential(std::string_view text);

}  // namespace agent_secrets
