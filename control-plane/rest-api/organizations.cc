// Who am I, which organizations, regions and properties are there (contract section 4).
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// The CLI shows the first address, else the id.
Response get_user(const Identity& identity) {
  json::array emails;
  if (!identity.email.empty()) emails.push_back(json::object{{"emailAddress", identity.email}});
  return json_response(json::object{
      {"user", json::object{{"userId", identity.name}, {"emails", std::move(emails)}}}});
}

// Always in the same order: where nothing says which, the CLI takes the first.
Response list_organizations(const Identity& identity) {
  json::array rows;
  for (const auto& [organization, role] : identity.reaches) {
    rows.push_back(
        json::object{{"name", organization.name}, {"verboseName", organization.verbose_name}});
  }
  return json_response(json::object{{"organizations", std::move(rows)}});
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

Result<json::object> properties_schema(const RestApi& api, const std::string& default_region) {
  auto regions = api.catalog.list_regions();
  if (!regions) return propagate(regions, "list regions");
  json::array codes;
  for (const Region& region : *regions) codes.emplace_back(region.code);
  json::object property{{"type", "string"},
                        {"description", "Default region for new service deployments"},
                        {"default", regions->empty() ? std::string() : regions->front().code},
                        {"currentValue", default_region},
                        {"readOnly", false},
                        {"availableValues", std::move(codes)}};
  return json::object{{"properties", json::object{{"defaultRegion", std::move(property)}}}};
}

Result<Response> get_properties_schema(const RestApi& api, const Request&,
                                       const Principal& principal) {
  auto schema = properties_schema(api, principal.organization.default_region);
  if (!schema) return propagate(schema);
  return json_response(*schema);
}

// Body: {"defaultRegion": code}. The CLI reads a flat answer, REST documents the schema (4.6).
Result<Response> patch_properties(const RestApi& api, const Request& request,
                                  const Principal& principal) {
  boost::system::error_code error;
  const json::value body = json::parse({request.body.data(), request.body.size()}, error);
  const json::object* object = error ? nullptr : body.if_object();
  if (object == nullptr) return fail(ErrorCode::invalid, "The request body must be a JSON object");
  if (object->empty()) return fail(ErrorCode::invalid, "No properties provided");
  for (const auto& member : *object) {
    if (member.key() == "defaultRegion" && member.value().is_string()) continue;
    return fail(ErrorCode::invalid, "Only the property defaultRegion can be set, to a string");
  }
  const std::string region = json::value_to<std::string>(object->at("defaultRegion"));
  auto changed = api.catalog.set_default_region(principal.organization.id, region);
  if (!changed) return propagate(changed);
  if (request.params.contains("org")) {
    return json_response(json::object{{"properties", json::object{{"defaultRegion", region}}}});
  }
  auto schema = properties_schema(api, region);
  if (!schema) return propagate(schema);
  return json_response(*schema);
}

// A Daily account's key: there is none, and the CLI shows "N/A" for an empty object.
Result<Response> get_daily(const RestApi&, const Request&, const Principal&) {
  return json_response(json::object());
}

}  // namespace

void add_organization_routes(Router& router, const RestApi& api) {
  add_identity_route(router, api, "GET", "/v1/users", get_user);
  add_identity_route(router, api, "GET", "/v1/organizations", list_organizations);
  add_single_route(router, api, "GET", "/v1/organizations/{org}/daily", get_daily);
  add_route(router, api, "GET", "/regions", list_regions);
  add_route(router, api, "GET", "/properties", get_properties);
  add_route(router, api, "PATCH", "/properties", patch_properties);
  add_route(router, api, "GET", "/properties/schema", get_properties_schema);
}

}  // namespace agent_secrets::control_plane
