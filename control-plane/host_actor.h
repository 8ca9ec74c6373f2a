#pragma once
// The actor of a command on the host, and of a server's own start: the user who runs the program. A
// command can open the data, so it may do everything.

#include "control-plane/model/actor.h"

namespace agent_secrets::control_plane {

// The name is the login name, or the number of a user without an entry in the user database.
Actor host_actor();

}  // namespace agent_secrets::control_plane
