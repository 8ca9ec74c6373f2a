// The fleet of an organization in numbers (fleet/fleet_summary.h). Our extension of the API.
//
//   GET …/fleet[?after=TAG]   with a tag, a long poll: the answer comes when the summary has
//                             another tag, or after kLongPollWait
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control-plane/fleet/fleet_summary.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// Fills in the fleets. A region that cannot be read now does not hide the others.
void read_regions(const RestApi& api, const Organization& organization,
                  std::set<std::string> wanted, OrganizationFleet& whole) {
  std::vector<std::int64_t> live;
  live.reserve(whole.agents.size());
  for (const Agent& agent : whole.agents) live.push_back(agent.id);
  for (const RestRegion& region : api.regions.all()) {
    auto fleet = read_fleet_of(region.code, region.store, {.name = organization.name, .live = live},
                               whole.now);
    if (fleet) {
      wanted.erase(region.code);
      whole.fleets.push_back(std::move(*fleet));
    } else {
      api.log.warning("reading the fleet failed",
                      {{"region", region.code}, {"cause", fleet.error().message}});
    }
  }
  whole.unreadable.assign(wanted.begin(), wanted.end());
}

Result<OrganizationFleet> read_all(const RestApi& api, const Organization& organization) {
  auto agents = api.catalog.agents.list(organization.id);
  if (!agents) return propagate(agents, "list agents");
  auto sets = api.catalog.sets.list(organization.id);
  if (!sets) return propagate(sets, "list secret sets");
  auto regions = api.catalog.regions.codes();
  if (!regions) return propagate(regions, "list regions");
  OrganizationFleet whole{.agents = std::move(*agents),
                          .sets = std::move(*sets),
                          .fleets = {},
                          .unreadable = {},
                          .now = api.clock.unix_time()};
  read_regions(api, organization, std::move(*regions), whole);
  return whole;
}

Result<std::optional<Response>> get_fleet(const RestApi& api, const Request& request,
                                          const Principal& principal, bool is_last) {
  auto whole = read_all(api, principal.organization);
  if (!whole) return propagate(whole);
  const json::object body = fleet_summary_json(principal.organization, *whole);
  const auto after = request.query.find("after");
  const bool is_known = after != request.query.end() && body.at("tag").as_string() == after->second;
  if (is_known && !is_last) return std::nullopt;
  return json_response(body);
}

}  // namespace

void add_fleet_routes(Router& router, const RestApi& api) {
  add_long_poll(router, api, "/v1/organizations/{org}/fleet", get_fleet);
}

}  // namespace agent_secrets::control_plane
