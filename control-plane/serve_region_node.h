#pragma once
// `serve --only-region`: a region node, near the agents of one region. It serves the instance API
// from the region's store, with only this region's keys (keys/region_keys.h). It has no catalog, so
// it keeps serving while the catalog, its database and the servers with a catalog are down.
//
// The servers with a catalog write the store. The node follows the store's changes as those servers
// do (replica/region_follower.h). It writes only the reports of instances, takes no lease and
// provisions nothing.
//
// GET /readyz answers 200 while the store can be read, and GET /livez while the process answers at
// all (rest-api/health.h). GET /metrics needs no token here, because tokens are in the catalog. It
// returns only the metrics of the process, without the name of an organization, an agent or a set.

#include "control-plane/serve.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// `options` must have `only_region`. Call it before there are threads, like serve().
Result<void> serve_region_node(const ServeOptions& options, const Clock& clock, const Log& log);

}  // namespace agent_secrets::control_plane
