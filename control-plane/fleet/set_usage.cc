#include "control-plane/fleet/set_usage.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/clock.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using Versions = std::map<std::int64_t, VersionUse, std::greater<>>;

VersionUse& entry(Versions& versions, std::int64_t version) {
  VersionUse& use = versions[version];
  use.version = version;
  return use;
}

AgentUse& entry(std::vector<AgentUse>& agents, const FleetAgent& agent) {
  const auto same = [&](const AgentUse& use) {
    return use.agent == agent.name && use.deleted == agent.deleted;
  };
  const auto known = std::ranges::find_if(agents, same);
  if (known != agents.end()) return *known;
  agents.push_back({.agent = agent.name,
                    .deleted = agent.deleted,
                    .unwatched = {},
                    .oldest_since = {},
                    .unwatched_since = {}});
  return agents.back();
}

void make_earlier(std::optional<UnixMs>& time, UnixMs other) {
  time = std::min(time.value_or(other), other);
}

void count(AgentUse& use, const InstanceRecord& heard) {
  if (heard.developers_run) {
    use.developer_runs.push_back(heard.instance);
    use.last_developer_start =
        std::max(use.last_developer_start.value_or(heard.last_heard), heard.last_heard);
    return;
  }
  ++use.instances;
  if (use.ids.size() < kInstancesNamed) use.ids.push_back(heard.instance);
  make_earlier(use.oldest_since, heard.since);
  if (heard.watched) return;
  use.unwatched.push_back(heard.instance);
  make_earlier(use.unwatched_since, heard.since);
}

bool has(const std::vector<PinnedSet>& pins, std::int64_t set_id) {
  return std::ranges::find(pins, set_id, &PinnedSet::set_id) != pins.end();
}

// Whether an instance of this agent whose release is not known may hold the set. True if a kept
// deployment has the set. Also true if earlier deployments are no longer kept, or the agent is
// deleted, because then it cannot be ruled out.
Result<bool> ever_bound(Catalog& catalog, const Organization& organization, const FleetAgent& agent,
                        std::int64_t set_id) {
  if (agent.deleted || has(agent.sets, set_id)) return true;
  auto live = catalog.agents.find(organization.id, agent.name);
  if (!live) return propagate(live, "find agent");
  // The agent is deleted in the catalog; the name may belong to a new agent.
  if (!*live || (*live)->id != agent.id) return true;
  auto deployments = catalog.agents.list_deployments(organization.id, agent.name);
  if (!deployments && deployments.error().code == ErrorCode::not_found) return true;
  if (!deployments) return propagate(deployments, "list deployments");
  if (deployments->size() >= static_cast<std::size_t>(limits::kDeploymentsKept)) return true;
  return std::ranges::any_of(*deployments,
                             [&](const Deployment& one) { return has(one.pins, set_id); });
}

void count_pins(Versions& versions, const std::string& agent, const std::vector<PinnedSet>& pins,
                std::int64_t set_id) {
  const auto pin = std::ranges::find(pins, set_id, &PinnedSet::set_id);
  if (pin == pins.end()) return;
  std::vector<std::string>& pinned_by = entry(versions, pin->version).pinned_by;
  if (std::ranges::find(pinned_by, agent) == pinned_by.end()) pinned_by.push_back(agent);
}

Result<void> count_instances(SetUsage& usage, Versions& versions, Catalog& catalog,
                             const Organization& organization, const FleetAgent& agent,
                             const std::vector<FleetInstance>& instances) {
  const std::int64_t set_id = usage.set.id;
  std::optional<bool> may_hold;
  for (const FleetInstance& instance : instances) {
    if (const auto version = instance.version_of(set_id)) {
      count(entry(entry(versions, *version).agents, agent), instance.heard);
    } else if (!instance.release) {
      if (!may_hold) {
        auto bound = ever_bound(catalog, organization, agent, set_id);
        if (!bound) return propagate(bound);
        may_hold = *bound;
      }
      if (*may_hold) count(entry(usage.version_unknown, agent), instance.heard);
    }
  }
  return {};
}

Result<void> count_agent(SetUsage& usage, Versions& versions, Catalog& catalog,
                         const Organization& organization, const FleetAgent& agent) {
  const std::int64_t set_id = usage.set.id;
  for (const auto* instances : {&agent.instances, &agent.developer_runs}) {
    auto counted = count_instances(usage, versions, catalog, organization, agent, *instances);
    if (!counted) return counted;
  }
  for (const FleetInstance& instance : agent.silent) {
    if (const auto version = instance.version_of(set_id)) ++entry(versions, *version).silent;
  }
  count_pins(versions, agent.name, agent.sets, set_id);
  return {};
}

std::size_t sum_instances(const std::vector<AgentUse>& agents) {
  std::size_t sum = 0;
  for (const AgentUse& use : agents) sum += use.instances;
  return sum;
}

std::size_t sum_developer_runs(const std::vector<AgentUse>& agents) {
  std::size_t sum = 0;
  for (const AgentUse& use : agents) sum += use.developer_runs.size();
  return sum;
}

std::string developer_runs_text(std::size_t number) {
  return number == 1 ? "1 developer's run" : fmt::format("{} developers' runs", number);
}

std::string instances_text(std::size_t number) {
  return fmt::format("{} instance{}", number, number == 1 ? "" : "s");
}

// The reason why any version may be in use although no record shows it; "" if there is no reason.
std::string doubt(const SetUsage& usage, bool settled) {
  if (usage.set.type != SetType::secret) {
    return "image pull secrets are not given to instances, so nothing is heard of them";
  }
  if (const std::size_t unknown = sum_instances(usage.version_unknown); unknown > 0) {
    return instances_text(unknown) + " may hold any version";
  }
  if (const std::size_t unknown = sum_developer_runs(usage.version_unknown); unknown > 0) {
    return developer_runs_text(unknown) + " of the last 24 h may hold any version";
  }
  if (usage.listening.until.count() == 0) return "no server has listened yet";
  if (!usage.is_served) {
    return "no server has listened since " + format_timestamp(usage.listening.until);
  }
  if (!settled) {
    return fmt::format("the server has listened only since {}; ask again in {} minutes",
                       format_timestamp(usage.listening.since),
                       std::chrono::ceil<std::chrono::minutes>(limits::kInstanceSilent).count());
  }
  return {};
}

UnixMs last_start(const std::vector<AgentUse>& agents) {
  UnixMs last{0};
  for (const AgentUse& use : agents) last = std::max(last, use.last_developer_start.value_or(last));
  return last;
}

void judge(VersionUse& use, std::int64_t newest, const std::string& doubt) {
  const std::size_t unwatched = use.unwatched();
  if (use.version >= newest) {
    use.safe = SafeToRevoke::no;
    use.reason = "it is the newest";
  } else if (use.instances() > unwatched) {
    use.safe = SafeToRevoke::no;
    const std::size_t watched = use.instances() - unwatched;
    use.reason = instances_text(watched) + (watched == 1 ? " runs it" : " run it");
  } else if (!use.pinned_by.empty()) {
    use.safe = SafeToRevoke::no;
    use.reason =
        fmt::format("the next start of {} brings it back: deploy", fmt::join(use.pinned_by, ", "));
  } else if (unwatched > 0) {
    use.safe = SafeToRevoke::unknown;
    use.reason = fmt::format("{} without a sidecar started with it, the first {}",
                             instances_text(unwatched), format_timestamp(*use.oldest_since()));
  } else if (const std::size_t runs = use.developer_runs(); runs > 0) {
    use.safe = SafeToRevoke::unknown;
    use.reason = fmt::format("{} started with it in the last 24 h, the last {}",
                             developer_runs_text(runs), format_timestamp(last_start(use.agents)));
  } else {
    use.safe = doubt.empty() ? SafeToRevoke::yes : SafeToRevoke::unknown;
    use.reason = doubt;
  }
}

}  // namespace

std::size_t VersionUse::instances() const { return sum_instances(agents); }

std::size_t VersionUse::unwatched() const {
  std::size_t sum = 0;
  for (const AgentUse& use : agents) sum += use.unwatched.size();
  return sum;
}

std::size_t VersionUse::developer_runs() const { return sum_developer_runs(agents); }

std::optional<UnixMs> VersionUse::oldest_since() const {
  std::optional<UnixMs> oldest;
  for (const AgentUse& use : agents) {
    if (use.oldest_since) make_earlier(oldest, *use.oldest_since);
  }
  return oldest;
}

Result<SetUsage> read_set_usage(Catalog& catalog, RegionStore& store,
                                const Organization& organization, const SecretSet& set,
                                UnixMs now) {
  // Read the deployments first: an instance that starts later receives the versions that they pin,
  // or newer versions.
  auto agents = catalog.agents.list(organization.id);
  if (!agents) return propagate(agents, "list agents");
  auto fleet = read_fleet(set.region, store, std::nullopt, now);
  if (!fleet) return propagate(fleet);
  SetUsage usage{.set = set,
                 .listening = fleet->listening,
                 .is_served = fleet->is_served,
                 .versions = {},
                 .version_unknown = {},
                 .every_other_reason = {}};
  Versions versions;
  if (set.ready_version > 0) entry(versions, set.ready_version);
  for (const Agent& agent : *agents) {
    count_pins(versions, agent.name, agent.deployment.pins, set.id);
    // The region may still serve an earlier deployment than the catalog's.
    auto served = store.find_agent(agent.id);
    if (!served) return propagate(served, "find agent");
    if (*served && !(*served)->deleted) {
      count_pins(versions, agent.name, (*served)->sets, set.id);
    }
  }
  for (const FleetAgent& agent : fleet->agents) {
    if (agent.organization != organization.name) continue;
    auto counted = count_agent(usage, versions, catalog, organization, agent);
    if (!counted) return propagate(counted);
  }
  usage.every_other_reason = doubt(usage, fleet->is_settled);
  usage.every_other = usage.every_other_reason.empty() ? SafeToRevoke::yes : SafeToRevoke::unknown;
  usage.instances = sum_instances(usage.version_unknown);
  for (auto& [number, use] : versions) {
    judge(use, set.ready_version, usage.every_other_reason);
    usage.instances += use.instances();
    usage.versions.push_back(std::move(use));
  }
  return usage;
}

std::string_view to_string(SafeToRevoke safe) {
  switch (safe) {
    case SafeToRevoke::yes:
      return "yes";
    case SafeToRevoke::no:
      return "no";
    case SafeToRevoke::unknown:
      return "unknown";
  }
  AGENT_SECRETS_ASSERT(false);
}

}  // namespace agent_secrets::control_plane
