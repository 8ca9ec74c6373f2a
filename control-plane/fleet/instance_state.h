#pragma once
// The state of an instance, computed from the data of the region store. The watch answer tells the
// instance its state, and the fleet view shows the state to people.
//
//   revoked      its credential is revoked
//   unbound      its agent is deleted or has no deployment
//   superseded   there is a newer deployment, or its release is so old that it is no longer kept
//   stale        a set has a newer ready version, with other values than the version that it runs
//   current      none of these
//
// Threads: safe from several; no state.

#include <cstdint>
#include <optional>
#include <string_view>

#include "control-plane/region/region_store.h"

namespace agent_secrets::control_plane {

bool is_revoked(const std::optional<AgentSnapshot>& agent, std::string_view kid);

// Fills changed_keys and same_values of the agent's sets, for an instance that runs `running`.
// A value that was changed and changed back counts as unchanged.
Result<void> compare_with_running(RegionStore& store, AgentSnapshot& agent,
                                  const std::optional<Release>& running);

// `running` is the release of `sequence`. Sequence 0: the instance runs nothing yet.
std::string_view instance_state(const std::optional<AgentSnapshot>& agent, bool revoked,
                                std::int64_t sequence, const std::optional<Release>& running);

}  // namespace agent_secrets::control_plane
