#pragma once
// The instances of a region as people see them: what was heard of each (region/instances.h), what
// that makes it run, and what the watch answer would tell it.
//
// A watching instance counts until it has been silent for limits::kInstanceSilent of the time in
// which somebody listened. One that never watched (no sidecar, or not yet) counts until its id
// starts again or an operator forgets it: its silence means nothing. A developer's run counts for
// limits::kDeveloperRun after its start.
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
  // Of a set; none when the release is not known, or is without the set.
  [[nodiscard]] std::optional<std::int64_t> version_of(std::int64_t set_id) const;
};

struct FleetAgent {
  std::int64_t id = 0;
  std::string organization;
  std::string name;
  bool deleted = false;
  std::vector<PinnedSet> sets;                     // what an instance that starts now is given
  std::vector<FleetInstance> instances;            // that count
  std::vector<FleetInstance> silent;               // that watched, and do not count any more
  std::vector<FleetInstance> developer_runs = {};  // that count; none of them is in `instances`
  [[nodiscard]] std::int64_t active_sessions() const;
};

struct Fleet {
  std::string region;
  Listening listening;
  bool is_served = false;          // somebody listens now
  bool is_settled = false;         // and has for so long that who watches has been heard
  std::vector<FleetAgent> agents;  // of which anything was heard; by organization and name
};

// Of one agent, or of all. `now` is Unix time.
Result<Fleet> read_fleet(const std::string& region, RegionStore& store,
                         std::optional<std::int64_t> agent_id, std::chrono::milliseconds now);

}  // namespace agent_secrets::control_plane
