// The fleet of an organization in numbers (fleet/fleet_summary.h). Our extension of the API.
//
//   GET …/fleet[?after=TAG]   with a tag, a long poll: the answer comes when the summary has
//                             another tag, or after kLongPollWait
#include <optional>
#include <string>
#include <utility>

#include "control-plane/fleet/fleet_summary.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// A region that cannot be read now is left out, and does not hide the others.
Result<OrganizationFleet> read_all(const RestApi& api, const Organization& organization) {
  auto agents = api.catalog.agents.list(organization.id);
  if (!agents) return propagate(agents, "list agents");
  auto sets = api.catalog.sets.list(organization.id);
  if (!sets) return propagate(sets, "list secret sets");
  OrganizationFleet whole{.agents = std::move(*agents),
                          .sets = std::move(*sets),
                          .fleets = {},
                          .now = api.clock.unix_time()};
  for (const RestRegion& region : api.regions.all()) {
    auto fleet = read_fleet(region.code, region.store, std::nullopt, whole.now, organization.name);
    if (fleet) {
      whole.fleets.push_back(std::move(*fleet));
    } else {
      api.log.warning("reading the fleet failed",
                      {{"region", region.code}, {"cause", fleet.error().message}});
    }
  }
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
