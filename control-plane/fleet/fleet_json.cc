#include "control-plane/fleet/fleet_json.h"

#include <algorithm>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::string_view text(std::string_view value) { return {value.data(), value.size()}; }

json::value time_or_null(std::optional<UnixMs> time) {
  if (!time || time->count() == 0) return nullptr;
  return json::value(format_timestamp(*time));
}

json::value sets_json(const std::shared_ptr<const Release>& release) {
  if (!release) return nullptr;
  json::array sets;
  for (const PinnedSet& set : release->sets) {
    sets.push_back(json::object{{"name", set.name}, {"version", set.version}});
  }
  return sets;
}

json::object instance_json(const FleetInstance& instance) {
  const InstanceRecord& heard = instance.heard;
  return {{"instance", heard.instance},
          {"state", text(instance.state)},
          {"sequence", heard.sequence},
          {"deploymentId",
           instance.release ? json::value(instance.release->deployment_id) : json::value(nullptr)},
          {"sets", sets_json(instance.release)},
          {"activeSessions", heard.active_sessions},
          {"firstSeen", format_timestamp(heard.first_seen)},
          {"since", format_timestamp(heard.since)},
          {"lastHeard", format_timestamp(heard.last_heard)},
          {"watched", heard.watched},
          {"kid", heard.kid}};
}

json::array instances_json(const std::vector<FleetInstance>& instances) {
  json::array rows;
  for (const FleetInstance& instance : instances) rows.push_back(instance_json(instance));
  return rows;
}

json::array texts_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::array agents_json(const std::vector<AgentUse>& agents) {
  json::array rows;
  for (const AgentUse& use : agents) {
    rows.push_back(json::object{{"agent", use.agent},
                                {"deleted", use.deleted},
                                {"instances", use.instances},
                                {"oldestSince", time_or_null(use.oldest_since)},
                                {"instanceIds", texts_json(use.ids)},
                                {"unwatched", texts_json(use.unwatched)},
                                {"developerRuns", texts_json(use.developer_runs)}});
  }
  return rows;
}

json::object safe_json(SafeToRevoke safe, const std::string& reason) {
  return {{"safeToRevoke", text(to_string(safe))},
          {"reason", reason.empty() ? json::value(nullptr) : json::value(reason)}};
}

json::object version_json(const VersionUse& use) {
  json::object row{{"version", use.version},
                   {"instances", use.instances()},
                   {"unwatched", use.unwatched()},
                   {"developerRuns", use.developer_runs()},
                   {"silent", use.silent},
                   {"oldestSince", time_or_null(use.oldest_since())},
                   {"pinnedBy", texts_json(use.pinned_by)},
                   {"agents", agents_json(use.agents)}};
  for (const auto& member : safe_json(use.safe, use.reason)) row.insert(member);
  return row;
}

}  // namespace

json::object fleet_agent_json(const Fleet& fleet, const FleetAgent& agent) {
  const auto unwatched = std::ranges::count_if(
      agent.instances, [](const FleetInstance& instance) { return !instance.heard.watched; });
  return {{"agent", agent.name},
          {"organization", agent.organization},
          {"region", fleet.region},
          {"deleted", agent.deleted},
          {"heardUntil", time_or_null(fleet.listening.until)},
          {"instanceCount", agent.instances.size()},
          {"unwatchedCount", unwatched},
          {"silentCount", agent.silent.size()},
          {"activeSessionCount", agent.active_sessions()},
          {"instances", instances_json(agent.instances)},
          {"developerRunCount", agent.developer_runs.size()},
          {"developerRuns", instances_json(agent.developer_runs)}};
}

json::object set_usage_json(const SetUsage& usage) {
  const SecretSet& set = usage.set;
  json::array versions;
  for (const VersionUse& use : usage.versions) versions.push_back(version_json(use));
  return {{"name", set.name},
          {"type", text(to_string(set.type))},
          {"region", set.region},
          {"status", text(to_string(set.status))},
          {"errorMessage",
           set.status == SetStatus::failed ? json::value(set.error_message) : json::value(nullptr)},
          {"version", set.version},
          {"readyVersion", set.ready_version},
          {"protectedBy",
           set.protected_by.empty() ? json::value(nullptr) : json::value(set.protected_by)},
          {"heardUntil", time_or_null(usage.listening.until)},
          {"instances", usage.instances},
          {"versions", std::move(versions)},
          {"versionUnknown", agents_json(usage.version_unknown)},
          {"everyOtherVersion", safe_json(usage.every_other, usage.every_other_reason)}};
}

}  // namespace agent_secrets::control_plane
