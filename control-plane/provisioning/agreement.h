#pragma once
// Repairs a region after the region or the catalog has lost commits. They are two databases,
// perhaps on two servers, and a failover (database/timeline.h) or a restored copy can set one of
// them back. Then the region lacks data that the catalog counts as confirmed, or has data that the
// catalog has lost. The region is made to agree with the catalog:
//
//   the region has lost an agent's snapshot         the agent is published again
//   the region has a later snapshot of an agent     the agent is published again, with a higher
//                                                   revision than the region's
//   the region has an agent that the catalog lost   the agent is ended in the region: deleted, but
//                                                   its instances stay listed
//   the region has lost a ready set version         the version is written again
//   the region has a version that the catalog lost  Provisioner drops it, like every version that
//                                                   is not retained
//
// The region is read before the catalog. Every agent in the region was in the catalog earlier, so
// an agent that is then missing in the catalog has been lost or removed there. An agent that is
// published between the two reads may be published once more than needed.
//
// Reads the ids of all agents and versions of the region, so do not call it in every round.

#include <cstddef>
#include <string_view>

#include "control-plane/catalog/outbox.h"
#include "control-plane/model/lease_term.h"
#include "control-plane/region/region_store.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct Repairs {
  std::size_t published_again = 0;  // agents that the next publication writes
  std::size_t ended_agents = 0;
  std::size_t written_versions = 0;
  std::size_t unreadable_versions = 0;  // whose values do not decrypt in the catalog

  bool operator==(const Repairs&) const = default;
};

// ErrorCode::conflict if another process has taken the lease. When one repair fails, the others are
// tried all the same.
Result<Repairs> make_region_agree(std::string_view region, Outbox& outbox, RegionStore& store,
                                  const LeaseTerm& term);

}  // namespace agent_secrets::control_plane
