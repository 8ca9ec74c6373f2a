// Agents and their deployments: reading and deleting. Deploys are in sqlite_deploys.cc.
#include <utility>

#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

// `reconciled` is the newest deployment that the region has confirmed and that is rolled out.
constexpr const char* kFindAgent =
    "SELECT a.id, a.name, a.region, a.min_agents, a.max_agents, a.deployment_id, a.created_at,"
    " a.updated_at, coalesce((SELECT d.id FROM deployments d WHERE d.agent_id = a.id"
    "   AND d.revision <= a.published_revision AND d.rolled_out = 1 ORDER BY d.revision DESC LIMIT "
    "1), '')"
    " FROM agents a WHERE a.organization_id = ? AND a.name = ? AND a.deleted = 0";

}  // namespace

std::vector<PinnedSet> SqliteCatalog::read_pins(std::string_view deployment_id) {
  std::vector<PinnedSet> pins;
  auto rows = db_.query(
      "SELECT a.organization_id, p.set_id, p.set_name, p.version,"
      " max(p.version, coalesce(s.ready_version, 0)) FROM deployment_pins p"
      " JOIN deployments d ON d.id = p.deployment_id JOIN agents a ON a.id = d.agent_id"
      " LEFT JOIN sets s ON s.id = p.set_id WHERE p.deployment_id = ? ORDER BY p.set_name",
      deployment_id);
  while (rows.step()) {
    pins.push_back({.organization_id = rows.integer(0),
                    .set_id = rows.integer(1),
                    .name = rows.text(2),
                    .version = rows.integer(3),
                    .latest_version = rows.integer(4),
                    .changed_keys = {}});
  }
  return pins;
}

Deployment SqliteCatalog::read_deployment(std::string_view id) {
  Deployment deployment;
  {
    auto row = db_.query(
        "SELECT id, image, secret_set, image_pull_secret_set, created_at FROM deployments"
        " WHERE id = ?",
        id);
    AGENT_SECRETS_ASSERT(row.step());
    deployment.id = row.text(0);
    deployment.spec.image = row.text(1);
    deployment.spec.secret_set = row.text(2);
    deployment.spec.image_pull_secret_set = row.text(3);
    deployment.created_at = row.time(4);
  }
  auto settings =
      db_.query("SELECT name, value FROM deployment_settings WHERE deployment_id = ?", id);
  while (settings.step()) deployment.spec.settings[settings.text(0)] = settings.text(1);
  deployment.pins = read_pins(id);
  return deployment;
}

std::optional<Agent> SqliteCatalog::find_agent_row(std::int64_t organization_id,
                                                   std::string_view name) {
  Agent agent;
  std::string deployment_id;
  {
    auto row = db_.query(kFindAgent, organization_id, name);
    if (!row.step()) return std::nullopt;
    agent.id = row.integer(0);
    agent.name = row.text(1);
    agent.region = row.text(2);
    agent.scaling = {.min_agents = static_cast<int>(row.integer(3)),
                     .max_agents = static_cast<int>(row.integer(4))};
    deployment_id = row.text(5);
    agent.created_at = row.time(6);
    agent.updated_at = row.time(7);
    agent.reconciled_deployment = row.text(8);
  }
  agent.deployment = read_deployment(deployment_id);
  agent.rollout = find_rollout(agent.id);
  return agent;
}

Result<Agent> SqliteCatalog::existing_agent(std::int64_t organization_id, std::string_view name) {
  auto agent = find_agent_row(organization_id, name);
  if (!agent) return fail(ErrorCode::not_found, "Service not found");
  return std::move(*agent);
}

Result<std::vector<Agent>> SqliteCatalog::list_agents(std::int64_t organization_id) {
  return db_.read("list agents", [&]() -> Result<std::vector<Agent>> {
    auto rows =
        db_.query("SELECT name FROM agents WHERE organization_id = ? AND deleted = 0 ORDER BY name",
                  organization_id);
    std::vector<Agent> agents;
    while (rows.step()) agents.push_back(*find_agent_row(organization_id, rows.text(0)));
    return agents;
  });
}

Result<std::optional<Agent>> SqliteCatalog::find_agent(std::int64_t organization_id,
                                                       std::string_view name) {
  return db_.read("find agent", [&]() -> Result<std::optional<Agent>> {
    return find_agent_row(organization_id, name);
  });
}

Result<std::vector<Deployment>> SqliteCatalog::list_deployments(std::int64_t organization_id,
                                                                std::string_view agent) {
  return db_.read("list deployments", [&]() -> Result<std::vector<Deployment>> {
    auto found = existing_agent(organization_id, agent);
    if (!found) return propagate(found);
    auto rows = db_.query("SELECT id FROM deployments WHERE agent_id = ? ORDER BY revision DESC",
                          found->id);
    std::vector<Deployment> deployments;
    while (rows.step()) deployments.push_back(read_deployment(rows.text(0)));
    return deployments;
  });
}

Result<void> SqliteCatalog::delete_agent(std::int64_t organization_id, std::string_view name) {
  return db_.write_urgently("delete agent", [&]() -> Result<void> {
    auto agent = existing_agent(organization_id, name);
    if (!agent) return propagate(agent);
    db_.query("UPDATE agents SET deleted = 1, revision = revision + 1, updated_at = ? WHERE id = ?",
              clock_.unix_time(), agent->id)
        .run();
    request_rollout(agent->id, RolloutEvent::remove);
    return {};
  });
}

}  // namespace agent_secrets::control_plane
