#pragma once
// What an instance is to think of what it runs, as a function of what the region store says. The
// watch answer tells it to the instance, the fleet view to people.
//
//   revoked      its credential is
//   unbound      its agent is deleted or has no deployment
//   superseded   there is a newer deployment, or its release is so old that it is forgotten
//   stale        a set has a newer ready version, with other values than the one it runs
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
// Values that were changed and put back are no change.
Result<void> compare_with_running(RegionStore& store, AgentSnapshot& agent,
                                  const std::optional<Release>& running);

// `running` is the release of `sequence`; 0: it runs nothing yet.
std::string_view instance_state(const std::optional<AgentSnapshot>& agent, bool revoked,
                                std::int64_t sequence, const std::optional<Release>& running);

}  // namespace agent_secrets::control_plane
