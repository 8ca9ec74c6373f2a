#pragma once
// GET /readyz, for load balancers and probes: 200 while this process can serve, 503 while it
// cannot, with a sentence. No token is needed, so the answer costs no access to a database and has
// no details.
//
// Threads: safe from several; no state.

#include <functional>

#include "control-plane/http/router.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// `ready` is called for each request, from several threads. The message of its error is shown.
void add_readiness_route(Router& router, const std::function<Result<void>()>& ready);

}  // namespace agent_secrets::control_plane
