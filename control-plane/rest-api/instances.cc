#include "control-plane/rest-api/instances.h"

#include <algorithm>

#include "control-plane/catalog/backups.h"
#include "control-plane/fleet/fleet_json.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/metrics.h"
#include "control-plane/rest-api/process_metrics.h"

namespace agent_secrets::control_plane {
namespace {

// The fleet of one agent; only the region if no instance of the agent has sent a request.
Result<Fleet> fleet_of(const RestApi& api, const Agent& agent) {
  auto region = api.regions.find(agent.region);
  if (!region) return propagate(region);
  return read_fleet(region->code, region->store, agent.id, api.clock.unix_time());
}

Result<Response> list_instances(const RestApi& api, const Request& request,
                                const Principal& principal) {
  auto agent = api.catalog.agents.find(principal.organization.id, request.params.at("name"));
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Not found");
  auto fleet = fleet_of(api, **agent);
  if (!fleet) return propagate(fleet, "list instances");
  if (!fleet->agents.empty()) return json_response(fleet_agent_json(*fleet, fleet->agents.front()));
  const FleetAgent nobody{.id = (*agent)->id,
                          .organization = principal.organization.name,
                          .name = (*agent)->name,
                          .sets = {},
                          .instances = {},
                          .silent = {}};
  return json_response(fleet_agent_json(*fleet, nobody));
}

Result<Response> get_metrics(const RestApi& api, const Request&, const Principal& principal) {
  std::vector<Fleet> fleets;
  const auto now = api.clock.unix_time();
  for (const RestRegion& region : api.regions.all()) {
    auto fleet = read_fleet(region.code, region.store, std::nullopt, now);
    if (!fleet) return propagate(fleet, "read the fleet");
    fleets.push_back(std::move(*fleet));
  }
  auto last_backup = find_last_backup(api.catalog.settings);
  if (!last_backup) return propagate(last_backup, "read the time of the last backup");
  return Response{.body = fleet_metrics(fleets, principal.organization.name, now) +
                          backup_metrics(*last_backup) +
                          process_metrics(api.log, api.counters, api.process()),
                  .content_type = std::string(kMetricsMediaType),
                  .headers = {{"Cache-Control", "no-store"}}};
}

}  // namespace

std::vector<FleetInstance> live_instances(const RestApi& api, const Agent& agent) {
  auto fleet = fleet_of(api, agent);
  if (fleet && fleet->agents.empty()) return {};
  if (fleet) return std::move(fleet->agents.front().instances);
  api.log.warning("listing instances failed",
                  {{"agent", agent.name}, {"cause", fleet.error().message}});
  return {};
}

void add_instance_list_routes(Router& router, const RestApi& api) {
  add_single_route(router, api, "GET", "/v1/organizations/{org}/services/{name}/instances",
                   list_instances);
  add_single_route(router, api, "GET", "/v1/agents/{name}/instances", list_instances);
  add_single_route(router, api, "GET", "/metrics", get_metrics);
}

}  // namespace agent_secrets::control_plane
