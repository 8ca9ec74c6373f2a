#include "control-plane/fleet/fleet_summary.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sodium.h>

#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::string_view text(std::string_view value) { return {value.data(), value.size()}; }

json::value time_or_null(UnixMs time) {
  return time.count() == 0 ? json::value(nullptr) : json::value(format_timestamp(time));
}

ReleaseSummary& release_of(std::vector<ReleaseSummary>& releases, const FleetInstance& instance) {
  const std::string deployment = instance.release ? instance.release->deployment_id : "";
  const std::vector<PinnedSet> sets =
      instance.release ? instance.release->sets : std::vector<PinnedSet>();
  const auto same_version = [](const PinnedSet& a, const PinnedSet& b) {
    return a.set_id == b.set_id && a.version == b.version;
  };
  const auto same = std::ranges::find_if(releases, [&](const ReleaseSummary& release) {
    return release.state == instance.state && release.deployment_id == deployment &&
           std::ranges::equal(release.sets, sets, same_version);
  });
  if (same != releases.end()) return *same;
  releases.push_back({.state = instance.state, .deployment_id = deployment, .sets = sets});
  return releases.back();
}

void add_to_history(FleetHistory& history, const FleetInstance& instance, bool silent, UnixMs now) {
  const bool is_current = instance.state == "current" && !silent;
  for (int i = 0; i < kFleetHistory; ++i) {
    const UnixMs at = now - (kFleetHistory - 1 - i) * kFleetHistoryStep;
    if (at < instance.heard.first_seen) continue;
    if (silent && at > instance.heard.last_heard) continue;
    const bool has_release = is_current && at >= instance.heard.since;
    ++(has_release ? history.current : history.older).at(static_cast<std::size_t>(i));
  }
}

json::array versions_json(const std::vector<PinnedSet>& sets) {
  json::array rows;
  for (const PinnedSet& set : sets) {
    rows.push_back(json::object{{"name", set.name}, {"version", set.version}});
  }
  return rows;
}

json::array releases_json(const std::vector<ReleaseSummary>& releases) {
  json::array rows;
  for (const ReleaseSummary& release : releases) {
    rows.push_back(json::object{
        {"state", text(release.state)},
        {"deploymentId",
         release.deployment_id.empty() ? json::value(nullptr) : json::value(release.deployment_id)},
        {"sets", versions_json(release.sets)},
        {"instances", release.instances},
        {"oldestSince", time_or_null(release.oldest_since)}});
  }
  return rows;
}

json::object states_json(const std::map<std::string_view, std::size_t>& states) {
  json::object counts;
  for (const char* state : {"current", "stale", "superseded", "unbound", "revoked", "unknown"}) {
    const auto found = states.find(state);
    counts[state] = found == states.end() ? 0 : found->second;
  }
  return counts;
}

// The version that a new instance gets, and the newest ready version.
json::array pins_json(const Agent& agent, const std::vector<SecretSet>& sets) {
  json::array rows;
  for (const PinnedSet& pin : agent.deployment.pins) {
    const auto set = std::ranges::find(sets, pin.set_id, &SecretSet::id);
    rows.push_back(
        json::object{{"name", pin.name},
                     {"version", pin.version},
                     {"readyVersion", set == sets.end() ? pin.version : set->ready_version},
                     {"follows", agent.deployment.spec.secret_version == SecretVersion::latest}});
  }
  return rows;
}

// While the region of an agent cannot be read. Zeros would say that nothing runs.
void add_unknown_instances(json::object& row) {
  for (const char* name : {"instanceCount", "states", "unwatchedCount", "silentCount",
                           "developerRunCount", "activeSessionCount", "releases", "history"}) {
    row[name] = nullptr;
  }
}

// What the region's records say of an agent. Null: no instance has sent a request.
void add_instances(json::object& row, const FleetAgent* agent, UnixMs now) {
  static const FleetAgent kNone{
      .organization = {}, .name = {}, .sets = {}, .instances = {}, .silent = {}};
  const FleetAgent& known = agent == nullptr ? kNone : *agent;
  const AgentSummary summary = summarize(known, now);
  const auto unwatched = std::ranges::count_if(
      known.instances, [](const FleetInstance& instance) { return !instance.heard.watched; });
  row["instanceCount"] = known.instances.size();
  row["states"] = states_json(summary.states);
  row["unwatchedCount"] = unwatched;
  row["silentCount"] = known.silent.size();
  row["developerRunCount"] = known.developer_runs.size();
  row["activeSessionCount"] = known.active_sessions();
  row["releases"] = releases_json(summary.releases);
  row["history"] = json::object{
      {"current", json::array(summary.history.current.begin(), summary.history.current.end())},
      {"older", json::array(summary.history.older.begin(), summary.history.older.end())}};
}

json::object agent_json(const Agent& agent, const std::vector<SecretSet>& sets) {
  const DeploymentSpec& spec = agent.deployment.spec;
  return {
      {"agent", agent.name},
      {"region", agent.region},
      {"deleted", false},
      {"image", spec.image},
      {"secretSet", spec.secret_set.empty() ? json::value(nullptr) : json::value(spec.secret_set)},
      {"deploymentId", agent.deployment.id},
      {"ready", agent.reconciled_deployment == agent.deployment.id},
      {"deployedAt", format_timestamp(agent.deployment.created_at)},
      {"sets", pins_json(agent, sets)}};
}

// Instances of an agent that the catalog no longer has may still hold values.
json::object deleted_agent_json(const Fleet& fleet, const FleetAgent& agent) {
  return {{"agent", agent.name}, {"region", fleet.region}, {"deleted", true},
          {"image", nullptr},    {"secretSet", nullptr},   {"deploymentId", nullptr},
          {"ready", false},      {"deployedAt", nullptr},  {"sets", json::array()}};
}

const FleetAgent* find_agent(const std::vector<Fleet>& fleets, std::int64_t id) {
  for (const Fleet& fleet : fleets) {
    const auto found = std::ranges::find(fleet.agents, id, &FleetAgent::id);
    if (found != fleet.agents.end()) return &*found;
  }
  return nullptr;
}

bool has(const std::vector<Agent>& agents, std::int64_t id) {
  return std::ranges::find(agents, id, &Agent::id) != agents.end();
}

json::array agents_json(const Organization& organization, const OrganizationFleet& whole) {
  json::array rows;
  for (const Agent& agent : whole.agents) {
    json::object row = agent_json(agent, whole.sets);
    if (std::ranges::find(whole.unreadable, agent.region) != whole.unreadable.end()) {
      add_unknown_instances(row);
    } else {
      add_instances(row, find_agent(whole.fleets, agent.id), whole.now);
    }
    rows.push_back(std::move(row));
  }
  for (const Fleet& fleet : whole.fleets) {
    for (const FleetAgent& agent : fleet.agents) {
      if (agent.organization != organization.name || has(whole.agents, agent.id)) continue;
      if (agent.instances.empty() && agent.developer_runs.empty()) continue;
      json::object row = deleted_agent_json(fleet, agent);
      add_instances(row, &agent, whole.now);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

// Without what changes all the time: the history, whose points move with the time, the number of
// sessions, and the times of starts. Otherwise each call to a bot would end every long poll.
json::object lasting(json::object row) {
  for (const char* name : {"history", "activeSessionCount"}) row.erase(name);
  if (row["releases"].is_null()) return row;
  for (json::value& release : row["releases"].as_array()) release.as_object().erase("oldestSince");
  return row;
}

// `agents` has all releases, so that a change of a release that is left out of the answer also
// changes the tag: the usage of a set counts all of them.
std::string tag_of(const json::array& agents, const OrganizationFleet& whole) {
  json::array facts;
  for (const json::value& row : agents) facts.push_back(lasting(row.as_object()));
  for (const Fleet& fleet : whole.fleets) {
    facts.push_back(json::array{json::value(fleet.region), fleet.is_served, fleet.is_settled});
  }
  for (const std::string& region : whole.unreadable) facts.push_back(json::value(region));
  for (const SecretSet& set : whole.sets) {
    facts.push_back(json::array{json::value(set.name), set.version, set.ready_version,
                                text(to_string(set.status)), !set.protected_by.empty()});
  }
  const std::string all = json::serialize(facts);
  std::array<unsigned char, 16> hash{};
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(all.data()),
                     all.size(), nullptr, 0);
  return fmt::format("{:02x}", fmt::join(hash, ""));
}

// The answer has the most common releases of each agent.
void shorten(json::array& agents) {
  for (json::value& row : agents) {
    json::value& releases = row.as_object()["releases"];
    if (releases.is_null() || releases.as_array().size() <= kReleasesSummarized) continue;
    releases.as_array().resize(kReleasesSummarized);
  }
}

json::array regions_json(const OrganizationFleet& whole) {
  json::array rows;
  for (const Fleet& fleet : whole.fleets) {
    rows.push_back(json::object{{"region", fleet.region},
                                {"readable", true},
                                {"heardUntil", time_or_null(fleet.listening.until)},
                                {"settled", fleet.is_settled}});
  }
  for (const std::string& region : whole.unreadable) {
    rows.push_back(json::object{
        {"region", region}, {"readable", false}, {"heardUntil", nullptr}, {"settled", false}});
  }
  return rows;
}

}  // namespace

AgentSummary summarize(const FleetAgent& agent, UnixMs now) {
  AgentSummary summary{.states = {}, .releases = {}, .history = {}};
  for (const FleetInstance& instance : agent.instances) {
    ++summary.states[instance.state];
    ReleaseSummary& release = release_of(summary.releases, instance);
    ++release.instances;
    const UnixMs since = instance.heard.since;
    if (release.instances == 1 || since < release.oldest_since) release.oldest_since = since;
    add_to_history(summary.history, instance, false, now);
  }
  for (const FleetInstance& instance : agent.silent) {
    add_to_history(summary.history, instance, true, now);
  }
  std::ranges::stable_sort(summary.releases, std::ranges::greater(), &ReleaseSummary::instances);
  return summary;
}

json::object fleet_summary_json(const Organization& organization, const OrganizationFleet& fleet) {
  json::array agents = agents_json(organization, fleet);
  const std::chrono::seconds step = kFleetHistoryStep;
  json::object body{{"tag", tag_of(agents, fleet)},
                    {"time", format_timestamp(fleet.now)},
                    {"historyStepSeconds", step.count()},
                    {"regions", regions_json(fleet)}};
  shorten(agents);
  body["agents"] = std::move(agents);
  return body;
}

}  // namespace agent_secrets::control_plane
