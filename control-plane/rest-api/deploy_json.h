#pragma once
// Parses the body of a deploy: POST and PUT `services`, and the same routes below /v1. It has no
// secret. Unknown members are ignored, but `git` and `buildId` are refused, because the CLI would
// wait for a build that never starts.

#include <string_view>

#include "control-plane/catalog/catalog.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// `agent_in_path` is the agent's name in the path of a REST update, or "" if the body has the name.
Result<DeployRequest> parse_deploy(std::string_view body, std::string_view agent_in_path);

}  // namespace agent_secrets::control_plane
