#pragma once
// Fixed keys for tests of core, so that a failure can be repeated. docs/protocol.md uses the same
// keys.

#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "core/credential.h"
#include "core/jws.h"

namespace agent_secrets::test {

// first, first + 1, …: 32 bytes.
inline std::array<std::uint8_t, 32> numbered_seed(std::uint8_t first) {
  std::array<std::uint8_t, 32> seed{};
  std::iota(seed.begin(), seed.end(), first);
  return seed;
}

inline SigningKey region_key() { return SigningKey::from_seed(numbered_seed(0x20)); }
inline SigningKey other_key() { return SigningKey::from_seed(numbered_seed(0x60)); }

// The only key that may sign is `key`, under the id `kid`.
inline KeyLookup only_key(std::string kid, const SigningKey& key) {
  return [kid = std::move(kid), public_key = key.public_key()](
             std::string_view asked) -> std::optional<SigningPublicKey> {
    if (asked != kid) return std::nullopt;
    return public_key;
  };
}

inline CredentialIdentity identity() {
  return {.urls = {"https://secrets.example.com"},
          .organization = "acme",
          .agent = "receptionist",
          .kid = "cred-1",
          .verification_keys = {{.kid = "region-1", .key = region_key().public_key()}},
          .ca_pem = ""};
}

inline AgentCredential agent_credential(const CredentialIdentity& who = identity(),
                                        std::uint8_t first = 0x00) {
  auto credential =
      parse_agent_credential(agent_credential_text(who, numbered_seed(first)).expose_text());
  AGENT_SECRETS_ASSERT(credential.has_value());
  return std::move(*credential);
}

}  // namespace agent_secrets::test
