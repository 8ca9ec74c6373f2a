// Agents, which the CLI's paths call services. The families differ in shape:
// the CLI's GET wraps the agent in "body", and its update is PUT without a name in the path.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/agent_json.h"
#include "control-plane/rest-api/deploy_json.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/instances.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

// The newest deployments of an agent. The official CLI (1.4.0 and 0.6.0) closes its connection
// before it has read the body, and fails if a part did not arrive with the header. So the whole
// answer must fit into the 14 KB that a new connection may send at once (RFC 6928).
constexpr std::size_t kDeploymentsListed = 25;

Result<Response> list_agents(const RestApi& api, const Request& request,
                             const Principal& principal) {
  auto agents = api.catalog.agents.list(principal.organization.id);
  if (!agents) return propagate(agents, "list agents");
  const auto region = request.query.find("region");
  json::array rows;
  for (const Agent& agent : *agents) {
    if (region != request.query.end() && region->second != agent.region) continue;
    rows.push_back(agent_row_json(principal.organization, agent));
  }
  return json_response(json::object{{"services", std::move(rows)}});
}

Result<Agent> find_agent(const RestApi& api, const Request& request, const Principal& principal) {
  auto agent = api.catalog.agents.find(principal.organization.id, request.params.at("name"));
  if (!agent) return propagate(agent, "find an agent");
  if (!*agent) return fail(ErrorCode::not_found, "Not found");
  return std::move(**agent);
}

Result<Response> get_agent(const RestApi& api, const Request& request, const Principal& principal) {
  auto agent = find_agent(api, request, principal);
  if (!agent) return propagate(agent);
  json::object body = agent_json(principal.organization, *agent, live_instances(api, *agent));
  if (!request.params.contains("org")) return json_response(body);
  return json_response(json::object{{"body", std::move(body)}});
}

// Writes the change of an agent to its region before it returns, and wakes the deploy commands. If
// the region cannot be written, the agent shows the error, and the Provisioner retries.
Result<void> publish(const RestApi& api, const std::string& region_code) {
  auto region = api.regions.find(region_code);
  if (!region) return propagate(region);
  region->provisioner.publish_now();
  api.roll_out();
  return {};
}

// From now on every holder of a credential of the agent can read the set.
void log_first_binding(const RestApi& api, const Principal& principal,
                       const DeployOutcome& outcome) {
  if (outcome.first_set.empty()) return;
  api.log.info("an agent gets a set for the first time",
               {{"agent", outcome.agent.name},
                {"set", outcome.first_set},
                {"organization", principal.organization.name},
                {"actor", describe(principal.actor)}});
}

// The region gets the deployment before the client gets its answer. So the answer already shows the
// deployment as reconciled, and the next instance that starts gets it.
Result<Response> deployed(const RestApi& api, const Principal& principal, DeployOutcome outcome) {
  const Organization& organization = principal.organization;
  log_first_binding(api, principal, outcome);
  if (auto published = publish(api, outcome.agent.region); !published) return propagate(published);
  auto agent = api.catalog.agents.find(organization.id, outcome.agent.name);
  if (agent && *agent) outcome.agent = std::move(**agent);
  json::object body = agent_json(organization, outcome.agent, live_instances(api, outcome.agent));
  if (!outcome.warning.empty()) body["warning"] = outcome.warning;
  return json_response(body);
}

Result<Response> create_agent(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto deploy = parse_deploy(request.body, "");
  if (!deploy) return propagate(deploy);
  if (!deploy->image) {
    return fail(ErrorCode::invalid, "Either image or buildId is required for service creation");
  }
  auto outcome = api.catalog.deploys.create_agent(principal.actor, principal.organization.id,
                                                  std::move(*deploy));
  if (!outcome) return propagate(outcome);
  return deployed(api, principal, std::move(*outcome));
}

Result<Response> update_agent(const RestApi& api, const Request& request,
                              const Principal& principal) {
  const auto name = request.params.find("name");
  auto deploy = parse_deploy(request.body, name == request.params.end() ? "" : name->second);
  if (!deploy) return propagate(deploy);
  auto outcome = api.catalog.deploys.update_agent(principal.actor, principal.organization.id,
                                                  std::move(*deploy));
  if (!outcome) return propagate(outcome);
  return deployed(api, principal, std::move(*outcome));
}

Result<Response> delete_agent(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto agent = find_agent(api, request, principal);
  if (!agent) return propagate(agent);
  auto deleted = api.catalog.agents.remove(principal.actor, principal.organization.id, agent->name);
  if (!deleted) return propagate(deleted);
  if (auto published = publish(api, agent->region); !published) return propagate(published);
  return json_response(json::object{{"status", "OK"}});
}

Result<Response> list_deployments(const RestApi& api, const Request& request,
                                  const Principal& principal) {
  auto agent = find_agent(api, request, principal);
  if (!agent) return propagate(agent);
  auto deployments = api.catalog.agents.list_deployments(principal.organization.id, agent->name);
  if (!deployments) return propagate(deployments, "list deployments");
  json::array rows;
  for (const Deployment& deployment : *deployments) {
    if (rows.size() == kDeploymentsListed) break;
    rows.push_back(deployment_json(principal.organization, *agent, deployment));
  }
  return json_response(json::object{{"deployments", std::move(rows)}});
}

}  // namespace

void add_agent_routes(Router& router, const RestApi& api) {
  const std::string services = "/v1/organizations/{org}/services";
  add_single_route(router, api, "GET", services, list_agents);
  add_single_route(router, api, "POST", services, create_agent);
  add_single_route(router, api, "PUT", services, update_agent);
  add_single_route(router, api, "GET", services + "/{name}", get_agent);
  add_single_route(router, api, "DELETE", services + "/{name}", delete_agent);
  add_single_route(router, api, "GET", services + "/{name}/deployments", list_deployments);

  add_single_route(router, api, "GET", "/v1/agents", list_agents);
  add_single_route(router, api, "POST", "/v1/agents", create_agent);
  add_single_route(router, api, "GET", "/v1/agents/{name}", get_agent);
  add_single_route(router, api, "POST", "/v1/agents/{name}", update_agent);
  add_single_route(router, api, "DELETE", "/v1/agents/{name}", delete_agent);
}

}  // namespace agent_secrets::control_plane
