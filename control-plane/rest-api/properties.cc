// Regions, and the only property of an organization: its default region.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

constexpr std::string_view kDefaultRegion = "defaultRegion";

Result<Response> list_regions(const RestApi& api, const Request&, const Principal&) {
  auto regions = api.catalog.regions.list();
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
  auto regions = api.catalog.regions.list();
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

// Body: {"defaultRegion": code}.
Result<std::string> parse_default_region(std::string_view text) {
  boost::system::error_code error;
  const json::value body = json::parse({text.data(), text.size()}, error);
  const json::object* object = error ? nullptr : body.if_object();
  if (object == nullptr) return fail(ErrorCode::invalid, "The request body must be a JSON object");
  if (object->empty()) return fail(ErrorCode::invalid, "No properties provided");
  std::string region;
  for (const auto& member : *object) {
    const std::string_view name(member.key().data(), member.key().size());
    if (name != kDefaultRegion) {
      return fail(ErrorCode::invalid,
                  fmt::format("Property {} is not a valid property. There is: {}", shown(name),
                              kDefaultRegion));
    }
    const json::string* value = member.value().if_string();
    if (value == nullptr) {
      return fail(ErrorCode::invalid, fmt::format("Property {} must be a string", shown(name)));
    }
    region.assign(value->data(), value->size());
  }
  return region;
}

// The CLI prints a flat answer; Pipecat Cloud's REST documentation has the schema as answer.
Result<Response> patch_properties(const RestApi& api, const Request& request,
                                  const Principal& principal) {
  auto region = parse_default_region(request.body);
  if (!region) return propagate(region);
  auto changed = api.catalog.organizations.set_default_region(principal.actor,
                                                              principal.organization.id, *region);
  if (!changed) return propagate(changed);
  if (request.params.contains("org")) {
    return json_response(json::object{{"properties", json::object{{"defaultRegion", *region}}}});
  }
  auto schema = properties_schema(api, *region);
  if (!schema) return propagate(schema);
  return json_response(*schema);
}

}  // namespace

void add_property_routes(Router& router, const RestApi& api) {
  add_route(router, api, "GET", "/regions", list_regions);
  add_route(router, api, "GET", "/properties", get_properties);
  add_route(router, api, "PATCH", "/properties", patch_properties);
  add_route(router, api, "GET", "/properties/schema", get_properties_schema);
}

}  // namespace agent_secrets::control_plane
