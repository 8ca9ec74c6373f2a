// The caller (`auth whoami`), and the organizations that the caller reaches.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// The CLI shows the first e-mail address, or the id if there is none.
Response get_user(const Identity& identity) {
  json::array emails;
  if (!identity.email.empty()) emails.push_back(json::object{{"emailAddress", identity.email}});
  return json_response(json::object{
      {"user", json::object{{"userId", identity.actor.name}, {"emails", std::move(emails)}}}});
}

// Always in the same order, because the CLI uses the first organization if none is selected.
Response list_organizations(const Identity& identity) {
  json::array rows;
  for (const auto& [organization, role] : identity.reaches) {
    rows.push_back(json::object{{"name", organization.name},
                                {"verboseName", organization.verbose_name},
                                {"role", to_string(role)}});
  }
  return json_response(json::object{{"organizations", std::move(rows)}});
}

// The key of a Daily account. There is no such account here; the CLI shows "N/A" for an empty
// object.
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
