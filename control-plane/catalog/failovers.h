#pragma once
// What the catalog does after a failover (database/timeline.h, docs/decisions/0036).
//
// One transaction raises
//  - each agent's sequence, so that instances accept what they get next;
//  - each agent's revision, so that each agent is published again, and its region takes the
//    snapshot even if the region has commits that the catalog has lost;
//  - the sequences at which new agents begin, the ids of new rows, and the tickets of rollouts, so
//    that none which the lost commits have used is used again.
// After a failover that has lost nothing this changes no content.
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
