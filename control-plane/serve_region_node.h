#pragma once
// `serve --only-region`: a region node, near the agents of one region. It serves the instance API
// from the region's store, with the keys of this region alone (keys/region_keys.h). It has no
// catalog, so it goes on while the catalog, its database and the servers with a catalog are down.
//
// The servers with a catalog fill the store. The node follows its changes as they do
// (replica/region_follower.h), and writes nothing but what instances report. It takes no lease and
// provisions nothing.
//
// GET /readyz answers 200 while the store can be read, GET /livez while the process answers at all
// (rest-api/health.h). GET /metrics needs no token here, because tokens are in the catalog: it has
// the metrics of the process alone, without the name of an organization, an agent or a set.

#include "control-plane/serve.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// For options with `only_region`. Call it before there are threads, as serve().
Result<void> serve_region_node(const ServeOptions& options, const Clock& clock, const Log& log);

}  // namespace agent_secrets::control_plane
