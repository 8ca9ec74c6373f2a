// `agent events`: the log of an agent. `agent deploy-name`: the name of the target of a deploy
// command, so that an operator can create the target before the first deploy.

#include "control-plane/catalog/rules.h"
#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rollout/deploy_name.h"

namespace agent_secrets::control_plane {
namespace {

struct EventsOptions {
  DataOptions data;
  std::string organization;  // empty: the only one
  std::string agent;
  bool json = false;
};

struct DeployNameOptions {
  DataOptions data;
  std::string organization;  // empty: the only one
  std::string agent;
};

Result<void> show_agent_events(const EventsOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto agent = stores->catalog->agents.find(organization->id, options.agent);
  if (!agent) return propagate(agent);
  if (!*agent) return fail(ErrorCode::not_found, "no agent '" + options.agent + "'");
  auto events = stores->catalog->events.list((*agent)->id);
  if (!events) return propagate(events);
  if (options.json) return print(json_line(events_json(*events)));
  std::vector<TableRow> rows{{"TIME", "KIND", "WHAT"}};
  for (const AgentEvent& event : *events) {
    rows.push_back({format_timestamp(event.at), event.kind, event.text});
  }
  return print(format_table(rows));
}

Result<void> show_deploy_name(const DeployNameOptions& options, const Clock& clock) {
  if (auto ok = check_agent_name(options.agent); !ok) return ok;
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  return print(deploy_name(organization->name, options.agent) + "\n");
}

}  // namespace

void declare_agent(const Declarations& declare) {
  const Declarations group =
      declare.group("agent", "Print what is recorded of an agent",
                    {.examples = {{"secret-control-plane agent events my-bot",
                                   "Print its deployments, and the output of the deploy command"},
                                  {"secret-control-plane agent deploy-name my-bot",
                                   "Print the name to give its target on your platform"}},
                     .reading = {{"docs/OPERATIONS.md", "On deploy"}}});

  const auto events =
      group.command("events", "Print an agent's deployments, and the output of the deploy command",
                    show_agent_events);
  events.argument("agent", events->agent, "the agent");
  add_json(events);
  add_organization(events);

  const auto name = group.command(
      "deploy-name", "Print the target's name in a deploy command: AGENT_SECRETS_DEPLOY_NAME",
      show_deploy_name);
  name.argument("agent", name->agent, "the agent; it may be deployed later");
  add_organization(name);
}

}  // namespace agent_secrets::control_plane
