#pragma once
// The actor of changes in tests that are not about rights.

#include "control-plane/model/actor.h"

namespace agent_secrets::control_plane {

inline const Actor kAdmin{.kind = ActorKind::host, .id = "0", .name = "root", .role = Role::admin};

}  // namespace agent_secrets::control_plane
