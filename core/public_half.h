#pragma once
// The public half of a credential: {"kid", "signing_key", "box_key"}, the keys in base64url. The
// injector makes it of a seed (`keygen`, `--agent`), and the control plane registers it. The seed
// stays where it was made. docs/protocol.md has the format.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/credential.h"
#include "core/error.h"

namespace agent_secrets {

struct PublicHalf {
  std::string kid;
  CredentialPublicKeys keys;
};

// The key id is computed from the public keys: a seed has the same key id in every control plane.
PublicHalf public_half_of(std::span<const std::uint8_t, 32> seed);
std::string public_half_json(const PublicHalf& half);
// Other members are ignored. ErrorCode::invalid for another text, and for keys that no seed has: of
// low order, or no points of the curve.
Result<PublicHalf> parse_public_half(std::string_view json);

}  // namespace agent_secrets
