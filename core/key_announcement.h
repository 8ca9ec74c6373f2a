#pragma once
// How a region announces its next signing key, so that a planned rotation of signing keys needs no
// new credentials.
//
// A credential has two keys of its region: the active and the standby key. When the standby key
// becomes active, it signs an announcement of a new standby key: a JWS of type agent-secrets-key
// with the payload {"kid", "x"}. The server sends all announcements of a region with each bundle,
// in the order in which they were made. A reader begins with the keys of its credential, and adds
// each key that is announced by a key that it trusts already.
//
// The chain is public, and a reader keeps no state: an instance in an empty container can follow it
// as well as one with a cache. It adds no trust: who has the secret half of a key can also sign
// bundles for every credential with that key. Announcements cannot be withdrawn; after a theft,
// credentials are issued anew. Format: docs/protocol.md.

#include <string>
#include <string_view>
#include <vector>

#include "core/credential.h"
#include "core/jws.h"

namespace agent_secrets {

inline constexpr std::string_view kKeyAnnouncementType = "agent-secrets-key";
// The header of the answer with a bundle: the announcements, separated by spaces.
inline constexpr const char* kAnnouncementsHeader = "Agent-Secrets-Keys";

std::string announce_key(const VerificationKey& next, std::string_view signer_kid,
                         const SigningKey& signer);

std::string join_announcements(const std::vector<std::string>& announcements);

// The identity, with the verification keys that a chain of announcements leads to. Ignores an
// announcement that no key of the identity has signed, one of another form, and all after the first
// limits::kKeyAnnouncements: the bundle's own signature decides.
CredentialIdentity with_announced_keys(CredentialIdentity identity, std::string_view announcements);

}  // namespace agent_secrets
