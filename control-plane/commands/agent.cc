#include "control-plane/commands/agent.h"

#include "control-plane/catalog/rules.h"
#include "control-plane/commands/admin.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rollout/deploy_name.h"

namespace agent_secrets::control_plane {

Result<void> show_agent_events(const AgentEventsOptions& options, const Clock& clock) {
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

Result<void> show_deploy_name(const AgentDeployNameOptions& options, const Clock& clock) {
  if (auto ok = check_agent_name(options.agent); !ok) return ok;
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  return print(deploy_name(organization->name, options.agent) + "\n");
}

}  // namespace agent_secrets::control_plane
