#pragma once
// The side of the catalog that a region's Provisioner sees: what its region has not been told yet.
//
// Whatever changes what a region must know of an agent raises the agent's `revision`; the publisher
// takes agents whose published revision is lower, writes their snapshot, and confirms. `sequence`
// is raised only when what the agent would be given changes; it is never reused.
//
// Threads: safe from several.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/region/region_store.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

using UnixMs = std::chrono::milliseconds;

// One version to provision.
struct PendingVersion {
  std::int64_t organization_id = 0;
  std::int64_t set_id = 0;
  std::string set_name;
  std::int64_t version = 0;
  UnixMs pending_since{};
};

class Outbox {
 public:
  virtual ~Outbox() = default;

  // A pending version is due when its quiet period is over; a failed one is due again after a
  // while, so that a region's return provisions it.
  struct Due {
    std::optional<PendingVersion> version;
    std::optional<UnixMs> next_at;  // when there is none: when to look again
  };
  virtual Result<Due> next_due(std::string_view region, UnixMs now) = 0;
  // not_found when the set is gone or a newer write has skipped the version.
  virtual Result<ProvisionedVersion> read_version(const PendingVersion& version) = 0;
  // False when a newer write has skipped the version meanwhile. True raises the revision of the
  // agents that pin the set.
  virtual Result<bool> mark_ready(const PendingVersion& version) = 0;
  virtual Result<bool> mark_failed(const PendingVersion& version, std::string_view message) = 0;
  // Ordered by id, those above `after_id`.
  virtual Result<std::vector<AgentSnapshot>> unpublished_agents(std::string_view region,
                                                                std::int64_t after_id,
                                                                int at_most) = 0;
  virtual Result<void> mark_published(std::int64_t agent_id, std::int64_t revision) = 0;
  // Set versions that the region must keep: the newest and the newest ready of each set, and those
  // pinned by the deployment that an agent has or that its region still serves.
  virtual Result<std::vector<RetainedVersion>> retained_versions(std::string_view region) = 0;
  // Forgets the values of this region's sets that only other versions had.
  virtual Result<void> drop_unneeded_values(std::string_view region) = 0;
};

}  // namespace agent_secrets::control_plane
