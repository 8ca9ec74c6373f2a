#pragma once
// The instances of agents, our extension of the API: which instances have sent requests lately, and
// what they run.
//
//   GET …/services/{name}/instances, /v1/agents/{name}/instances   JSON (fleet/fleet_json.h)
//   GET /metrics                     of the token's organization, for Prometheus
//   (rest-api/metrics.h)
//
// Threads: safe from several; no state.

#include "control-plane/fleet/fleet.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {

// The live instances of an agent; empty if its region cannot be read, which is logged.
std::vector<FleetInstance> live_instances(const RestApi& api, const Agent& agent);

}  // namespace agent_secrets::control_plane
