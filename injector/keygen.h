#pragma once
// `secret-injector keygen FILE`: a credential whose secret half never leaves this machine. The file
// gets what stands behind the dot of a credential (base64url of seed and checksum); printed is
// {"kid", "signing_key", "box_key"}, to register. The control plane answers with the public JSON,
// and `agentcred_v1_` + base64url(JSON) + `.` + the file's content is the credential.

#include <string>

#include "core/error.h"

namespace agent_secrets {

// The public half as JSON. ErrorCode::failed when the file exists or cannot be written.
Result<std::string> generate_key(const std::string& seed_path);

}  // namespace agent_secrets
