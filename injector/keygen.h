#pragma once
// `secret-injector keygen FILE`: makes a credential whose secret half never leaves this machine. It
// writes the part of a credential after the dot (base64url of seed and checksum) into the file, and
// prints {"kid", "signing_key", "box_key"} for registration. The control plane answers with the
// JSON, and `agentcred_v1_` + base64url(JSON) + `.` + the file's content is the credential.

#include <string>

#include "core/error.h"

namespace agent_secrets {

// The public half as JSON. ErrorCode::failed when the file exists or cannot be written.
Result<std::string> generate_key(const std::string& seed_path);

}  // namespace agent_secrets
