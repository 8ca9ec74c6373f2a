#pragma once
// The public half of a credential, as `secret-injector keygen` prints it: {"kid", "signing_key",
// "box_key"}, the keys in base64url. The seed stays where keygen ran.

#include <string>

#include "core/credential.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct PublicHalf {
  std::string kid;
  CredentialPublicKeys keys;
};

// Reads at most 4 KiB of the file; of standard input, if `path` is "-". ErrorCode::invalid for
// another text, and for keys that keygen cannot have made: of low order, or no points of the curve.
Result<PublicHalf> read_public_half(const std::string& path);

}  // namespace agent_secrets::control_plane
