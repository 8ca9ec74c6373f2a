// `fleet [AGENT]`: the recorded instances of a region, and the versions that each runs. `--forget`
// deletes the records of an instance that no longer runs; with `--older-than`, of all instances
// that have sent no request for that time.

#include <algorithm>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/fleet_text.h"
#include "control-plane/commands/groups.h"
#include "control-plane/fleet/fleet_json.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct FleetOptions {
  DataOptions data;
  std::string organization;
  std::string agent;                // empty: all
  std::string region;               // empty: all
  std::vector<std::string> forget;  // instance ids
  std::uint64_t older_than_s = 0;   // forget all without a request for this time; 0: none
  bool json = false;
};

// The wanted region, or all.
Result<std::vector<Fleet>> read_fleets(Stores& stores, const FleetOptions& options,
                                       const std::string& organization, const Clock& clock) {
  // Fails if a region cannot be reached, because an instance there may still run an old value.
  for (const auto& [code, why] : stores.unreachable) {
    if (options.region.empty() || options.region == code) return std::unexpected(why);
  }
  if (!options.region.empty() && !stores.regions.contains(options.region)) {
    return fail(ErrorCode::not_found, "no region '" + options.region + "'");
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

// A misspelled name must not look like an agent without instances.
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

// Forgets the instance of the deleted agents, or of the agents that are not deleted. False: none of
// these agents has the instance.
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

// An agent that was deleted and deployed again often has instances of the same ids (bot-0, bot-1).
// The instance of the deleted agent is forgotten first; the instance of the live agent still
// counts.
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

// Forgets old instances of a deleted agent of that name too: the operator cannot tell them apart.
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

// Before, because the instances are in other databases than the record.
Result<void> record_forgetting(Catalog& catalog, const Organization& organization,
                               const FleetOptions& options) {
  if (options.forget.empty() && options.older_than_s == 0) return {};
  const std::string which = options.older_than_s > 0
                                ? fmt::format("instances older than {} s", options.older_than_s)
                                : fmt::format("instances {}", fmt::join(options.forget, ", "));
  return catalog.audit.add(host_actor(), {.organization_id = organization.id,
                                          .action = "fleet.forget",
                                          .object = "agent " + options.agent,
                                          .detail = which});
}

json::object fleets_json(const std::vector<Fleet>& fleets) {
  json::array agents;
  for (const Fleet& fleet : fleets) {
    for (const FleetAgent& agent : fleet.agents) agents.push_back(fleet_agent_json(fleet, agent));
  }
  return {{"agents", std::move(agents)}};
}

Result<void> show_fleet(const FleetOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto fleets = read_fleets(*stores, options, organization->name, clock);
  if (!fleets) return propagate(fleets);
  if (auto ok = require_agent(*stores, *organization, options.agent, *fleets); !ok) return ok;
  if (auto recorded = record_forgetting(*stores->catalog, *organization, options); !recorded) {
    return recorded;
  }
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
  return print(fleet_text(*fleets, clock.unix_time(), output_style()));
}

// `--forget` takes either INSTANCE or --older-than. `given` counts how often the option was given:
// an option without INSTANCE adds an empty name, or none.
bool names_what_to_forget(const FleetOptions& options, std::size_t given) {
  const auto is_empty = [](const std::string& instance) { return instance.empty(); };
  const bool names_all =
      options.forget.size() == given && std::ranges::none_of(options.forget, is_empty);
  const bool names_none = std::ranges::all_of(options.forget, is_empty);
  return options.older_than_s > 0 ? names_none : names_all;
}

void add_forget(const DeclaredCommand<FleetOptions>& fleet, DeclaredOption agent) {
  constexpr std::uint64_t kDay = 86'400;
  const DeclaredOption forget =
      fleet
          .option_with_optional_value(
              "--forget", fleet->forget, "INSTANCE",
              "forget this instance of AGENT, which you know to be gone (repeatable)")
          .needs(agent);
  fleet
      .duration("--older-than", fleet->older_than_s, {.least = 1, .most = 3650 * kDay},
                "with --forget and no INSTANCE: forget every instance of AGENT that was not "
                "heard of for so long, such as 1d; an instance with a live sidecar is kept")
      .needs(forget);
  fleet.require([fleet, forget] { return names_what_to_forget(*fleet, forget.times_given()); },
                "--forget", "takes an INSTANCE, or else --older-than DURATION");
}

}  // namespace

void declare_fleet(const Declarations& declare) {
  const auto fleet = declare.command(
      "fleet", "Print the instances of agents, and what each runs", show_fleet,
      {.examples = {{"secret-control-plane fleet", "All instances of all agents"},
                    {"secret-control-plane fleet my-bot --forget host-3",
                     "Stop counting an instance that you know to be gone"},
                    {"secret-control-plane fleet my-bot --forget --older-than 1d",
                     "Stop counting every instance that was not heard of for a day"}},
       .reading = {{"docs/fleet.md", "The states of an instance, and when it stops counting"}}});
  const DeclaredOption agent =
      fleet.optional_argument("agent", fleet->agent, "only this agent's instances");
  fleet.option("--region", fleet->region, "CODE", "only instances in this region");
  add_json(fleet);
  add_forget(fleet, agent);
  add_organization(fleet);
}

}  // namespace agent_secrets::control_plane
