#pragma once
// The file of a public half (core/public_half.h), as `secret-injector keygen` prints it.

#include <string>

#include "core/public_half.h"

namespace agent_secrets::control_plane {

// Reads at most limits::kPublicHalf bytes of the file; of standard input, if `path` is "-".
Result<PublicHalf> read_public_half(const std::string& path);

}  // namespace agent_secrets::control_plane
