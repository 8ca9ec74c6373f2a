#pragma once
// The body of a deploy: POST and PUT `services`, and the REST family's twins. It
// carries no secret. Unknown members are tolerated, except those that would make the CLI wait for
// something that never comes: `git` and `buildId`.

#include <string_view>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// `agent_in_path` is the REST update's name, or "" when the body names the agent.
Result<DeployRequest> parse_deploy(std::string_view body, std::string_view agent_in_path);

}  // namespace agent_secrets::control_plane
