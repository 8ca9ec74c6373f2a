#include "control-plane/provisioning/agreement.h"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace agent_secrets::control_plane {
namespace {

struct AgentDifferences {
  std::vector<AgentRevision> to_publish;  // with the region's revision
  std::vector<std::int64_t> to_end;
};

// While a confirmation is on its way, the region's revision may be higher than the confirmed one.
// So an agent is published again only if the region's revision is lower than the confirmed one, or
// higher than the catalog's.
AgentDifferences compare(const std::vector<StoredAgent>& region,
                         const std::vector<PublishedAgent>& catalog) {
  std::map<std::int64_t, StoredAgent> stored;
  for (const StoredAgent& agent : region) stored.emplace(agent.agent_id, agent);
  AgentDifferences differences;
  for (const PublishedAgent& agent : catalog) {
    const auto found = stored.extract(agent.agent_id);
    const std::int64_t has = found ? found.mapped().revision : 0;
    // The catalog and the region each remove deleted agents after a while.
    if (!found && agent.deleted) continue;
    if (has < agent.published_revision || has > agent.revision) {
      differences.to_publish.push_back({.agent_id = agent.agent_id, .revision = has});
    }
  }
  for (const auto& [id, agent] : stored) {
    if (!agent.deleted) differences.to_end.push_back(id);
  }
  return differences;
}

Result<void> agree_on_agents(std::string_view region, Outbox& outbox, RegionStore& store,
                             const LeaseTerm& term, Repairs& repairs) {
  auto stored = store.list_agents();
  if (!stored) return propagate(stored, "list the region's agents");
  auto wanted = outbox.list_agents(region);
  if (!wanted) return propagate(wanted, "list the catalog's agents");
  const AgentDifferences differences = compare(*stored, *wanted);
  repairs.published_again = differences.to_publish.size();
  repairs.ended_agents = differences.to_end.size();
  if (!differences.to_publish.empty()) {
    if (auto ok = outbox.publish_again(differences.to_publish, term); !ok) return ok;
  }
  if (differences.to_end.empty()) return {};
  return store.end_agents(differences.to_end, term);
}

Result<void> write_again(std::string_view region, const RetainedVersion& version, Outbox& outbox,
                         RegionStore& store, const LeaseTerm& term, Repairs& repairs) {
  auto values = outbox.read_retained(region, version);
  // The version is pending, or not needed any more.
  if (!values && values.error().code == ErrorCode::not_found) return {};
  if (!values && values.error().code == ErrorCode::untrusted) {
    ++repairs.unreadable_versions;
    return {};
  }
  if (!values) return propagate(values, "read from the catalog");
  if (auto ok = store.put_set_version(*values, term); !ok)
    return propagate(ok, "write to the region");
  ++repairs.written_versions;
  return {};
}

Result<void> agree_on_versions(std::string_view region, Outbox& outbox, RegionStore& store,
                               const LeaseTerm& term, Repairs& repairs) {
  auto stored = store.list_set_versions();
  if (!stored) return propagate(stored, "list the region's versions");
  auto wanted = outbox.retained_versions(region);
  if (!wanted) return propagate(wanted, "list versions to keep");
  const std::set<RetainedVersion> there(stored->begin(), stored->end());
  for (const RetainedVersion& version : *wanted) {
    if (there.contains(version)) continue;
    if (auto ok = write_again(region, version, outbox, store, term, repairs); !ok) return ok;
  }
  return {};
}

}  // namespace

Result<Repairs> make_region_agree(std::string_view region, Outbox& outbox, RegionStore& store,
                                  const LeaseTerm& term) {
  Repairs repairs;
  // Versions first, because agents that are published again pin them. If a version cannot be
  // written, agents are published all the same: a revocation must not wait for it.
  auto versions = agree_on_versions(region, outbox, store, term, repairs);
  auto agents = agree_on_agents(region, outbox, store, term, repairs);
  if (!versions) return propagate(versions);
  if (!agents) return propagate(agents);
  return repairs;
}

}  // namespace agent_secrets::control_plane
