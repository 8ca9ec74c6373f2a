#pragma once
// Random ids for clients (RFC 9562, version 4). A counter would show how many there are.

#include <string>

namespace agent_secrets::control_plane {

std::string random_uuid();

}  // namespace agent_secrets::control_plane
