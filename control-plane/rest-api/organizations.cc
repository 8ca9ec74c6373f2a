// Who am I, which organizations, regions and properties are there (contract section 4). One token
// belongs to one organization, so every list of organizations has one entry.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

Result<Response> get_user(const RestApi&, const Request&, const Principal& principal) {
  return json_response(json::object{
      {"user", json::object{{"userId", principal.token.name}, {"emails", json::array()}}}});
}

Result<Response> list_organizations(const RestApi&, const Request&, const Principal& principal) {
  json::object row{{"name", principal.organization.name},
                   {"verboseName", principal.organization.verbose_name}};
  return json_response(json::object{{"organizations", json::array{std::move(row)}}});
}

Result<Response> list_regions(const RestApi& api, const Request&, const Principal&) {
  auto regions = api.catalog.list_regions();
  if (!regions) return propagate(regions, "list regions");
  json::array rows;
  for (const Region& region : *regions) {
    rows.push_back(json::object{{"code", region.code}, {"display_name", region.display_name}});
  }
  return json_response(json::object{{"regions", std::move(rows)}});
}

Result<Response> get_properties(const RestApi&, const Request&, const Principal& principal) {
  return json_response(json::object{
      {"properties", json::object{{"defaultRegion", principal.organization.default_region}}}});
}

Result<Response> get_properties_schema(const RestApi& api, const Request&,
                                       const Principal& principal) {
  auto regions = api.catalog.list_regions();
  if (!regions) return propagate(regions, "list regions");
  json::array codes;
  for (const Region& region : *regions) codes.emplace_back(region.code);
  json::object property{{"type", "string"},
                        {"description", "Default region for new service deployments"},
                        {"default", principal.organization.default_region},
                        {"currentValue", principal.organization.default_region},
                        {"readOnly", true},
                        {"availableValues", std::move(codes)}};
  return json_response(
      json::object{{"properties", json::object{{"defaultRegion", std::move(property)}}}});
}

// A Daily account's key: there is none, and the CLI shows "N/A" for an empty object.
Result<Response> get_daily(const RestApi&, const Request&, const Principal&) {
  return json_response(json::object());
}

}  // namespace

void add_organization_routes(Router& router, const RestApi& api) {
  add_single_route(router, api, "GET", "/v1/users", get_user);
  add_single_route(router, api, "GET", "/v1/organizations", list_organizations);
  add_single_route(router, api, "GET", "/v1/organizations/{org}/daily", get_daily);
  add_route(router, api, "GET", "/regions", list_regions);
  add_route(router, api, "GET", "/properties", get_properties);
  add_route(router, api, "GET", "/properties/schema", get_properties_schema);
}

}  // namespace agent_secrets::control_plane
