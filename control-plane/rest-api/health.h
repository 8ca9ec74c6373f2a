#pragma once
// Two routes for load balancers and probes, without a token.
//
// GET /livez: 200 while the server's I/O thread answers. It uses no worker and no database, because
// a restart, which follows a failed liveness probe, does not repair a database.
//
// GET /readyz: 200 while this process can serve, otherwise 503. The body has each check by its
// name, with "ok" or a sentence. ?exclude=NAME,NAME leaves checks out of the decision. The answer
// comes from memory and has no cause: the log has it.
//
// Threads: safe from several; no state.

#include <functional>
#include <string>
#include <vector>

#include "control-plane/http/router.h"

namespace agent_secrets::control_plane {

// The names are an interface (docs/OPERATIONS.md lists them).
struct ReadinessCheck {
  std::string name;
  std::string problem;  // a sentence for everyone, without a host, a path or a value; empty: ready
};

// `readiness` is called for each request, from several threads. It must not wait.
void add_health_routes(Router& router,
                       const std::function<std::vector<ReadinessCheck>()>& readiness);

}  // namespace agent_secrets::control_plane
