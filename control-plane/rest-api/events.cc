// The events of an agent, oldest first: its deployments, and the output of the deploy command. Our
// extension of the API.
//
//   GET …/services/{name}/events, /v1/agents/{name}/events   {"events": [{"time", "kind", "text"}]}
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

Result<Response> list_events(const RestApi& api, const Request& request,
                             const Principal& principal) {
  auto agent = api.catalog.agents.find(principal.organization.id, request.params.at("name"));
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Not found");
  auto events = api.catalog.events.list((*agent)->id);
  if (!events) return propagate(events);
  return json_response(events_json(*events));
}

}  // namespace

json::object events_json(const std::vector<AgentEvent>& events) {
  json::array rows;
  for (const AgentEvent& event : events) {
    rows.push_back(json::object{
        {"time", format_timestamp(event.at)}, {"kind", event.kind}, {"text", event.text}});
  }
  return {{"events", std::move(rows)}};
}

void add_event_routes(Router& router, const RestApi& api) {
  add_single_route(router, api, "GET", "/v1/organizations/{org}/services/{name}/events",
                   list_events);
  add_single_route(router, api, "GET", "/v1/agents/{name}/events", list_events);
}

}  // namespace agent_secrets::control_plane
