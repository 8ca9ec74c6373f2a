#pragma once
// Makes a region agree with the catalog where both have been right before. They are two databases,
// perhaps on two servers, and a failover (database/timeline.h) or a restored copy can set one of
// them back. Then the catalog takes as confirmed what its region has lost, or the region has what
// the catalog has lost. What the catalog says is right:
//
//   the region has lost an agent's snapshot     the agent is published again
//   the region is ahead with an agent           the same, with a higher revision than the region's
//   the region has an agent of lost commits     the agent is ended in the region
//   the region has lost a ready set version     the version is written again
//   the region has a version of lost commits    Provisioner drops it, as every version that is not
//                                               retained
//
// The region is read first. What it has then was in the catalog before, so an agent that the
// catalog does not have afterwards is gone from it. In the same way an agent that is published in
// between is at most published once more than needed.
//
// Reads the id of every agent and version of the region, so it is not for every round.

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
  std::size_t unreadable_versions = 0;  // that do not decrypt in the catalog

  bool operator==(const Repairs&) const = default;
};

// ErrorCode::conflict when another process has taken the lease. After an error the other repairs
// have been tried.
Result<Repairs> make_region_agree(std::string_view region, Outbox& outbox, RegionStore& store,
                                  const LeaseTerm& term);

}  // namespace agent_secrets::control_plane
