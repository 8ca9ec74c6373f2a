#include "control-plane/fleet/instance_state.h"

#include <algorithm>

namespace agent_secrets::control_plane {
namespace {

// True for an older release of another deployment, or for a release so old that the region no
// longer has it.
bool is_superseded(std::int64_t sequence, const AgentSnapshot& agent,
                   const std::optional<Release>& running) {
  if (sequence <= 0 || sequence >= agent.sequence) return false;
  return !running || running->deployment_id != agent.deployment_id;
}

// The version of a set that the instance runs: the version in its release. If the release is not
// known, or does not have the set, the version that the deployment pins.
std::int64_t running_version(const PinnedSet& set, const std::optional<Release>& running) {
  if (running) {
    for (const PinnedSet& released : running->sets) {
      if (released.set_id == set.set_id) return released.version;
    }
  }
  return set.version;
}

bool is_stale(const AgentSnapshot& agent, const std::optional<Release>& running) {
  return std::ranges::any_of(agent.sets, [&](const PinnedSet& set) {
    return set.latest_version > running_version(set, running) && !set.same_values;
  });
}

}  // namespace

bool is_revoked(const std::optional<AgentSnapshot>& agent, std::string_view kid) {
  if (!agent) return false;
  return std::ranges::any_of(agent->credentials, [&](const AgentCredentialRecord& record) {
    return record.kid == kid && record.revoked;
  });
}

Result<void> compare_with_running(RegionStore& store, AgentSnapshot& agent,
                                  const std::optional<Release>& running) {
  for (PinnedSet& set : agent.sets) {
    set.changed_keys.clear();
    set.same_values = false;
    const std::int64_t version = running_version(set, running);
    if (set.latest_version <= version) continue;
    auto changed = store.changed_keys(set.set_id, version, set.latest_version);
    if (!changed) return propagate(changed);
    if (!*changed) continue;
    set.same_values = (*changed)->empty();
    set.changed_keys = std::move(**changed);
  }
  return {};
}

std::string_view instance_state(const std::optional<AgentSnapshot>& agent, bool revoked,
                                std::int64_t sequence, const std::optional<Release>& running) {
  if (revoked) return "revoked";
  if (!agent || agent->deleted || agent->deployment_id.empty()) return "unbound";
  if (is_superseded(sequence, *agent, running)) return "superseded";
  return is_stale(*agent, running) ? "stale" : "current";
}

}  // namespace agent_secrets::control_plane
