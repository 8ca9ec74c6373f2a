// Who am I, and which organizations are there.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

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

// A Daily account's key: there is none, and the CLI shows "N/A" for an empty object.
Result<Response> get_daily(const RestApi&, const Request&, const Principal&) {
  return json_response(json::object());
}

}  // namespace

void add_organization_routes(Router& router, const RestApi& api) {
  add_identity_route(router, api, "GET", "/v1/users", get_user);
  add_identity_route(router, api, "GET", "/v1/organizations", list_organizations);
  add_single_route(router, api, "GET", "/v1/organizations/{org}/daily", get_daily);
}

}  // namespace agent_secrets::control_plane
