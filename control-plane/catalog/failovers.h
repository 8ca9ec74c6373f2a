#pragma once
// What the catalog does after a failover (database/timeline.h, docs/decisions/0036).
//
// One transaction raises
//  - each agent's sequence, so that instances accept their next bundle;
//  - each agent's revision, so that each agent is published again, and its region takes the
//    snapshot even if the region has commits that the catalog has lost;
//  - the first sequence of new agents, the ids of new rows, and the tickets of rollouts, so that no
//    number that a lost commit used is used again.
// Only these numbers change: deployments, pins and values stay as they are.
//
// Threads: safe from several.

#include "control-plane/database/timeline.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;

class Failovers {
 public:
  explicit Failovers(CatalogContext& context) : context_(context) {}

  Result<ServerTimeline> settle();

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
