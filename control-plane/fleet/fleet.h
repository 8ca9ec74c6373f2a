#pragma once
// The instances of a region for people: the record of each instance (region/instances.h), the
// release that it runs, and its state, which a watch answer would have too.
//
// A watched instance counts until it is silent: until the server has listened for
// limits::kInstanceSilent without a request of it. An unwatched instance (without a sidecar, or
// before its first watch request) counts until its id starts again or an operator forgets it,
// because it sends no requests. A developer's run counts for limits::kDeveloperRun after its start.
//
// Threads: safe from several; no state.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/region/region_store.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct FleetInstance {
  InstanceRecord heard;
  std::string_view state;                  // of instance_state(), or "unknown"
  std::shared_ptr<const Release> release;  // what it runs; null: not known
  // The version of a set. Absent if the release is not known, or does not have the set.
  [[nodiscard]] std::optional<std::int64_t> version_of(std::int64_t set_id) const;
};

struct FleetAgent {
  std::int64_t id = 0;
  std::string organization;
  std::string name;
  bool deleted = false;
  std::vector<PinnedSet> sets;                     // received by an instance that starts now
  std::vector<FleetInstance> instances;            // that count as running
  std::vector<FleetInstance> silent;               // watched, and no longer counted
  std::vector<FleetInstance> developer_runs = {};  // that count; not in `instances`
  [[nodiscard]] std::int64_t active_sessions() const;
};

struct Fleet {
  std::string region;
  Listening listening;
  bool is_served = false;          // a server listens now
  bool is_settled = false;         // is_served, and every watched instance had time for a request
  std::vector<FleetAgent> agents;  // with records; by organization and name
};

// The instances of one agent, or of all agents. `now` is Unix time.
Result<Fleet> read_fleet(const std::string& region, RegionStore& store,
                         std::optional<std::int64_t> agent_id, std::chrono::milliseconds now);

// The instances of the agents of one organization. Reads nothing of other organizations.
Result<Fleet> read_fleet_of(const std::string& region, RegionStore& store,
                            const OrganizationAgents& organization, std::chrono::milliseconds now);

}  // namespace agent_secrets::control_plane
