#include "control-plane/commands/fleet.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/fleet_text.h"
#include "control-plane/fleet/fleet_json.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

bool colour_wanted() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread
  const char* refused = std::getenv("NO_COLOR");  // no-color.org
  return ::isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

// The wanted region, or all.
Result<std::vector<Fleet>> read_fleets(Stores& stores, const FleetOptions& options,
                                       const std::string& organization, const Clock& clock) {
  if (!options.region.empty() && !stores.regions.contains(options.region)) {
    return fail(ErrorCode::not_found, "no region '" + options.region + "' in this data directory");
  }
  std::vector<Fleet> fleets;
  for (auto& [code, handle] : stores.regions) {
    if (!options.region.empty() && code != options.region) continue;
    auto fleet = read_fleet(code, *handle.store, std::nullopt, clock.unix_time());
    if (!fleet) return propagate(fleet);
    std::erase_if(fleet->agents, [&](const FleetAgent& agent) {
      return agent.organization != organization ||
             (!options.agent.empty() && agent.name != options.agent);
    });
    fleets.push_back(std::move(*fleet));
  }
  return fleets;
}

// A misspelled agent must not look like one without instances.
Result<void> require_agent(Stores& stores, const Organization& organization,
                           const std::string& name, const std::vector<Fleet>& fleets) {
  if (name.empty()) return {};
  const auto has_agents = [](const Fleet& fleet) { return !fleet.agents.empty(); };
  if (std::ranges::any_of(fleets, has_agents)) return {};
  auto agent = stores.catalog->agents.find(organization.id, name);
  if (!agent) return propagate(agent);
  if (*agent) return {};
  return fail(ErrorCode::not_found, "no agent '" + name + "'");
}

// Whether one of the agents that are deleted, or that are not, had the instance.
Result<bool> forget_where(Stores& stores, const std::vector<Fleet>& fleets, bool deleted,
                          const std::string& instance) {
  bool forgotten = false;
  for (const Fleet& fleet : fleets) {
    for (const FleetAgent& known : fleet.agents) {
      if (known.deleted != deleted) continue;
      auto gone = stores.regions.at(fleet.region).store->forget_instance(known.id, instance);
      if (!gone) return propagate(gone);
      forgotten = forgotten || *gone;
    }
  }
  return forgotten;
}

// A later agent of a name often has instances of the same ids (bot-0, bot-1): where a deleted agent
// has the instance too, that one is meant, and the live one still counts.
Result<void> forget_one(Stores& stores, const std::vector<Fleet>& fleets, const std::string& agent,
                        const std::string& instance) {
  for (const bool deleted : {true, false}) {
    auto forgotten = forget_where(stores, fleets, deleted, instance);
    if (!forgotten) return propagate(forgotten);
    if (!*forgotten) continue;
    note(fmt::format("instance '{}' of {} '{}' is forgotten", instance,
                     deleted ? "the deleted agent" : "agent", agent));
    return {};
  }
  return fail(ErrorCode::not_found,
              "agent '" + agent + "' has no instance '" + instance + "' to forget");
}

// Of a deleted agent of that name too: nothing tells its instances apart for the operator.
Result<void> forget_old(Stores& stores, const std::vector<Fleet>& fleets, const std::string& agent,
                        std::chrono::milliseconds before) {
  std::int64_t forgotten = 0;
  for (const Fleet& fleet : fleets) {
    for (const FleetAgent& known : fleet.agents) {
      auto gone = stores.regions.at(fleet.region).store->forget_instances(known.id, before);
      if (!gone) return propagate(gone);
      forgotten += *gone;
    }
  }
  note(fmt::format("{} instance{} of agent '{}' forgotten, last heard of before {}", forgotten,
                   forgotten == 1 ? "" : "s", agent, format_timestamp(before)));
  return {};
}

json::object fleets_json(const std::vector<Fleet>& fleets) {
  json::array agents;
  for (const Fleet& fleet : fleets) {
    for (const FleetAgent& agent : fleet.agents) agents.push_back(fleet_agent_json(fleet, agent));
  }
  return {{"agents", std::move(agents)}};
}

}  // namespace

Result<void> show_fleet(const FleetOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto fleets = read_fleets(*stores, options, organization->name, clock);
  if (!fleets) return propagate(fleets);
  if (auto ok = require_agent(*stores, *organization, options.agent, *fleets); !ok) return ok;
  if (options.older_than_s > 0) {
    return forget_old(*stores, *fleets, options.agent,
                      clock.unix_time() - std::chrono::seconds(options.older_than_s));
  }
  for (const std::string& instance : options.forget) {
    auto done = forget_one(*stores, *fleets, options.agent, instance);
    if (!done) return done;
  }
  if (!options.forget.empty()) return {};
  if (options.json) return print(json_line(fleets_json(*fleets)));
  return print(fleet_text(*fleets, clock.unix_time(), colour_wanted()));
}

Result<void> show_set_status(const SetStatusOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto set = stores->catalog->sets.find(organization->id, options.name);
  if (!set) return propagate(set);
  if (!*set) return fail(ErrorCode::not_found, "no set '" + options.name + "'");
  const auto region = stores->regions.find((*set)->region);
  if (region == stores->regions.end()) {
    return fail(ErrorCode::failed, "region " + (*set)->region + " is not in this data directory");
  }
  const auto now = clock.unix_time();
  auto usage = read_set_usage(*stores->catalog, *region->second.store, *organization, **set, now);
  if (!usage) return propagate(usage);
  if (options.json) return print(json_line(set_usage_json(*usage)));
  return print(set_status_text(*usage, now, colour_wanted()));
}

}  // namespace agent_secrets::control_plane
