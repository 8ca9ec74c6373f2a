#pragma once
// The instances of agents, our extension of the API: who was heard of lately and what it runs.
//
//   GET …/services/{name}/instances, /v1/agents/{name}/instances   JSON (fleet/fleet_json.h)
//   GET /metrics                     of the token's organization, for Prometheus (fleet/metrics.h)
//
// Threads: safe from several; no state.

#include <cstdint>

#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {

// What the live instances of an agent report together; 0 when its region cannot be asked.
std::int64_t active_sessions(const RestApi& api, const Agent& agent);

}  // namespace agent_secrets::control_plane
