#include "control-plane/fleet/fleet.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "control-plane/fleet/instance_state.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

// Finds the release and the state for each record of one agent. Reads each release once.
class Resolver {
 public:
  Resolver(RegionStore& store, std::optional<AgentSnapshot> snapshot)
      : store_(store), snapshot_(std::move(snapshot)) {}

  Result<FleetInstance> resolve(const InstanceRecord& record) {
    auto release = release_of(record);
    if (!release) return propagate(release);
    const std::optional<Release> running =
        *release ? std::optional<Release>(**release) : std::nullopt;
    auto agent = compared(record.sequence, running);
    if (!agent) return propagate(agent);
    const bool revoked = is_revoked(**agent, record.kid);
    std::string_view state = instance_state(**agent, revoked, record.sequence, running);
    // instance_state() takes sequence 0 for an instance that runs nothing yet. In a record it means
    // that the release is not known.
    if (record.sequence == 0 && (state == "current" || state == "stale")) state = "unknown";
    return FleetInstance{.heard = record, .state = state, .release = std::move(*release)};
  }

 private:
  // The agent's snapshot, compared with a release. All unknown releases share the entry 0.
  Result<const std::optional<AgentSnapshot>*> compared(std::int64_t sequence,
                                                       const std::optional<Release>& running) {
    const auto [entry, fresh] = compared_.try_emplace(running ? sequence : 0, snapshot_);
    if (fresh && entry->second) {
      auto done = compare_with_running(store_, *entry->second, running);
      if (!done) return propagate(done, "compare versions");
    }
    return &entry->second;
  }

  Result<std::shared_ptr<const Release>> release_of(const InstanceRecord& record) {
    if (record.sequence == 0) return std::shared_ptr<const Release>();
    const auto known = releases_.find(record.sequence);
    if (known != releases_.end()) return known->second;
    auto found = store_.find_release(record.agent_id, record.sequence);
    if (!found) return propagate(found, "find release");
    std::shared_ptr<const Release> release;
    if (*found) release = std::make_shared<const Release>(std::move(**found));
    releases_.emplace(record.sequence, release);
    return release;
  }

  RegionStore& store_;
  std::optional<AgentSnapshot> snapshot_;
  std::map<std::int64_t, std::shared_ptr<const Release>> releases_;
  std::map<std::int64_t, std::optional<AgentSnapshot>> compared_;  // by sequence
};

FleetAgent describe(std::int64_t id, const std::optional<AgentSnapshot>& snapshot) {
  FleetAgent agent{
      .id = id, .organization = {}, .name = {}, .sets = {}, .instances = {}, .silent = {}};
  if (!snapshot) return agent;
  agent.organization = snapshot->organization;
  agent.name = snapshot->agent;
  agent.deleted = snapshot->deleted;
  if (!snapshot->deleted) agent.sets = snapshot->sets;
  return agent;
}

bool is_over(const InstanceRecord& developers_run, milliseconds now) {
  return developers_run.last_heard <= now - limits::kDeveloperRun;
}

// The list of `agent` for the record. Null: an expired developer's run, which is not listed.
std::vector<FleetInstance>* place_of(const InstanceRecord& record, const Listening& listening,
                                     milliseconds now, FleetAgent& agent) {
  if (record.developers_run) return is_over(record, now) ? nullptr : &agent.developer_runs;
  const bool silent = record.watched && record.last_heard <= silent_before(listening);
  return silent ? &agent.silent : &agent.instances;
}

Result<FleetAgent> read_agent(RegionStore& store, std::int64_t id, const InstanceList& list,
                              milliseconds now) {
  auto snapshot = store.find_agent(id);
  // An agent whose row is refused is shown as one that the region does not have, and does not hide
  // the others. The log names it.
  if (!snapshot && snapshot.error().code == ErrorCode::untrusted) {
    snapshot = std::optional<AgentSnapshot>();
  }
  if (!snapshot) return propagate(snapshot, "find agent");
  FleetAgent agent = describe(id, *snapshot);
  Resolver resolver(store, std::move(*snapshot));
  const auto [first, last] =
      std::ranges::equal_range(list.instances, id, {}, &InstanceRecord::agent_id);
  for (auto record = first; record != last; ++record) {
    auto* place = place_of(*record, list.listening, now, agent);
    if (place == nullptr) continue;
    auto instance = resolver.resolve(*record);
    if (!instance) return propagate(instance);
    place->push_back(std::move(*instance));
  }
  return agent;
}

Result<Fleet> describe(const std::string& region, RegionStore& store, const InstanceList& list,
                       milliseconds now) {
  const Listening& listening = list.listening;
  Fleet fleet{.region = region, .listening = listening, .agents = {}};
  fleet.is_served = std::chrono::abs(now - listening.until) <= limits::kListeningGap;
  fleet.is_settled =
      fleet.is_served && listening.since <= listening.until - limits::kInstanceSilent;
  std::int64_t last_id = 0;
  for (const InstanceRecord& record : list.instances) {
    if (std::exchange(last_id, record.agent_id) == record.agent_id) continue;
    auto agent = read_agent(store, record.agent_id, list, now);
    if (!agent) return propagate(agent, "region " + region);
    fleet.agents.push_back(std::move(*agent));
  }
  std::ranges::sort(fleet.agents, {}, [](const FleetAgent& agent) {
    return std::tie(agent.organization, agent.name, agent.id);
  });
  return fleet;
}

}  // namespace

std::optional<std::int64_t> FleetInstance::version_of(std::int64_t set_id) const {
  if (!release) return std::nullopt;
  const auto set = std::ranges::find(release->sets, set_id, &PinnedSet::set_id);
  if (set == release->sets.end()) return std::nullopt;
  return set->version;
}

std::int64_t FleetAgent::active_sessions() const {
  std::int64_t sum = 0;
  for (const FleetInstance& instance : instances) sum += instance.heard.active_sessions;
  return sum;
}

Result<Fleet> read_fleet(const std::string& region, RegionStore& store,
                         std::optional<std::int64_t> agent_id, milliseconds now) {
  auto list = store.list_instances(agent_id);
  if (!list) return propagate(list, "region " + region);
  return describe(region, store, *list, now);
}

Result<Fleet> read_fleet_of(const std::string& region, RegionStore& store,
                            const OrganizationAgents& organization, milliseconds now) {
  auto list = store.list_instances_of(organization);
  if (!list) return propagate(list, "region " + region);
  return describe(region, store, *list, now);
}

}  // namespace agent_secrets::control_plane
