#pragma once
// Ids that clients see and that must not count: RFC 9562, version 4.

#include <string>

namespace agent_secrets::control_plane {

std::string random_uuid();

}  // namespace agent_secrets::control_plane
