#pragma once
// Whose request it is: the token in `Authorization: Bearer …` decides, and an organization in the
// path must be the token's. An unknown and a foreign organization get the same 403, so that names
// cannot be probed; a 404 would read as "empty" to the official CLI (contract 10.3).

#include "control-plane/catalog/catalog.h"
#include "control-plane/http/message.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// ErrorCode::unauthorized or forbidden, with the text for the client.
Result<Principal> authenticate(Catalog& catalog, const Request& request);

}  // namespace agent_secrets::control_plane
