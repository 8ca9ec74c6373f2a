#include "control-plane/catalog/agents.h"

#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {

std::string_view to_string(SecretVersion version) {
  return version == SecretVersion::latest ? "latest" : "pinned";
}

bool is_accepted_agent(Transaction& tx, const Authority& authority, std::int64_t id) {
  const Rows agents = tx.query(
      "SELECT id, organization_id, name, region, deployment_id, sequence, code FROM agents"
      " WHERE id = ?1",
      id);
  if (agents.empty()) return false;
  const Row agent = agents.front();
  if (!authority.accepts(coded_agent(agent), stored_code(agent))) return false;
  const std::string deployment_id = agent.text("deployment_id");
  const Rows deployments = tx.query(
      "SELECT id, agent_id, image, secret_set, image_pull_secret_set, secret_version, code"
      " FROM deployments WHERE id = ?1",
      deployment_id);
  if (deployments.empty()) return false;
  const Row deployment = deployments.front();
  return authority.accepts(coded_deployment(deployment, read_pins(tx, deployment_id)),
                           stored_code(deployment));
}

std::vector<PinnedSet> read_pins(Transaction& tx, std::string_view deployment_id) {
  std::vector<PinnedSet> pins;
  for (const Row row : tx.query(
           "SELECT a.organization_id, p.set_id, p.set_name, p.version,"
           " CASE WHEN s.ready_version > p.version THEN s.ready_version ELSE p.version END"
           "   AS latest_version FROM deployment_pins p"
           " JOIN deployments d ON d.id = p.deployment_id JOIN agents a ON a.id = d.agent_id"
           " LEFT JOIN sets s ON s.id = p.set_id WHERE p.deployment_id = ?1 ORDER BY p.set_name",
           deployment_id)) {
    pins.push_back({.organization_id = row.integer("organization_id"),
                    .set_id = row.integer("set_id"),
                    .name = row.text("set_name"),
                    .version = row.integer("version"),
                    .latest_version = row.integer("latest_version"),
                    .changed_keys = {}});
  }
  return pins;
}

namespace {

std::optional<SecretVersion> parse_secret_version(const Row& row) {
  if (row.is_null("secret_version")) return std::nullopt;
  const std::string text = row.text("secret_version");
  if (text == "latest") return SecretVersion::latest;
  if (text == "pinned") return SecretVersion::pinned;
  return std::nullopt;
}

struct StoredDeployment {
  Deployment deployment;
  bool is_accepted = false;
};

StoredDeployment read_deployment(Transaction& tx, const Authority& authority, std::string_view id) {
  const Rows rows = tx.query(
      "SELECT id, agent_id, image, secret_set, image_pull_secret_set, secret_version, created_at,"
      " code FROM deployments WHERE id = ?1",
      id);
  if (rows.empty()) return {};
  const Row row = rows.front();
  Deployment deployment{.id = row.text("id"),
                        .spec = {.image = row.text("image"),
                                 .secret_set = row.text("secret_set"),
                                 .image_pull_secret_set = row.text("image_pull_secret_set"),
                                 .secret_version = parse_secret_version(row),
                                 .settings = {}},
                        .pins = read_pins(tx, id),
                        .created_at = row.time("created_at")};
  const Rows settings =
      tx.query("SELECT name, value FROM deployment_settings WHERE deployment_id = ?1", id);
  for (const Row setting : settings) {
    deployment.spec.settings[setting.text("name")] = setting.text("value");
  }
  const bool is_accepted =
      authority.accepts(coded_deployment(row, deployment.pins), stored_code(row));
  return {.deployment = std::move(deployment), .is_accepted = is_accepted};
}

}  // namespace

std::optional<Agent> find_agent_row(Transaction& tx, const Authority& authority,
                                    std::int64_t organization_id, std::string_view name) {
  const Rows rows = tx.query(
      "SELECT a.id, a.organization_id, a.name, a.region, a.sequence, a.code,"
      " a.min_agents, a.max_agents, a.deployment_id, a.created_at,"
      " a.updated_at, coalesce((SELECT d.id FROM deployments d WHERE d.agent_id = a.id"
      "   AND d.revision <= a.published_revision AND d.rolled_out = 1"
      "   ORDER BY d.revision DESC LIMIT 1), '') AS reconciled_deployment"
      " FROM agents a WHERE a.organization_id = ?1 AND a.name = ?2 AND a.deleted = 0",
      organization_id, name);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  const std::int64_t id = row.integer("id");
  auto current = read_deployment(tx, authority, row.text("deployment_id"));
  return Agent{
      .id = id,
      .name = row.text("name"),
      .region = row.text("region"),
      .scaling = {.min_agents = static_cast<int>(row.integer("min_agents")),
                  .max_agents = static_cast<int>(row.integer("max_agents"))},
      .deployment = std::move(current.deployment),
      .reconciled_deployment = row.text("reconciled_deployment"),
      .rollout = find_rollout(tx, id),
      .created_at = row.time("created_at"),
      .updated_at = row.time("updated_at"),
      .is_accepted = authority.accepts(coded_agent(row), stored_code(row)) && current.is_accepted};
}

Result<Agent> existing_agent(Transaction& tx, const Authority& authority,
                             std::int64_t organization_id, std::string_view name) {
  auto agent = find_agent_row(tx, authority, organization_id, name);
  if (!agent) return fail(ErrorCode::not_found, "Service not found");
  return std::move(*agent);
}

Result<Agent> accepted_agent(Transaction& tx, const Authority& authority,
                             std::int64_t organization_id, std::string_view name) {
  auto agent = existing_agent(tx, authority, organization_id, name);
  if (!agent || agent->is_accepted) return agent;
  return fail(ErrorCode::untrusted,
              fmt::format("the rows of agent {} ({}) were changed outside the control plane",
                          shown(name), agent->id),
              "see 'A row is refused' in docs/OPERATIONS.md");
}

Result<std::vector<Agent>> Agents::list(std::int64_t organization_id) {
  return context_.database->read("list agents", [&](Transaction& tx) -> Result<std::vector<Agent>> {
    const Rows names =
        tx.query("SELECT name FROM agents WHERE organization_id = ?1 AND deleted = 0 ORDER BY name",
                 organization_id);
    std::vector<Agent> agents;
    for (const Row row : names) {
      agents.push_back(*find_agent_row(tx, context_.authority, organization_id, row.text("name")));
    }
    return agents;
  });
}

Result<std::optional<Agent>> Agents::find(std::int64_t organization_id, std::string_view name) {
  return context_.database->read(
      "find agent", [&](Transaction& tx) -> Result<std::optional<Agent>> {
        return find_agent_row(tx, context_.authority, organization_id, name);
      });
}

Result<std::vector<Deployment>> Agents::list_deployments(std::int64_t organization_id,
                                                         std::string_view agent) {
  return context_.database->read(
      "list deployments", [&](Transaction& tx) -> Result<std::vector<Deployment>> {
        auto found = existing_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        const Rows ids = tx.query(
            "SELECT id FROM deployments WHERE agent_id = ?1 ORDER BY revision DESC", found->id);
        std::vector<Deployment> deployments;
        for (const Row row : ids) {
          deployments.push_back(read_deployment(tx, context_.authority, row.text("id")).deployment);
        }
        return deployments;
      });
}

Result<void> Agents::remove(const Actor& actor, std::int64_t organization_id,
                            std::string_view name) {
  return context_.database->write_urgently("delete agent", [&](Transaction& tx) -> Result<void> {
    auto agent = existing_agent(tx, context_.authority, organization_id, name);
    if (!agent) return propagate(agent);
    tx.execute(
        "UPDATE agents SET deleted = 1, code = NULL, revision = revision + 1, updated_at = ?1"
        " WHERE id = ?2",
        context_.clock.unix_time(), agent->id);
    request_rollout(tx, agent->id, RolloutEvent::remove);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "agent.delete",
            .object = fmt::format("agent {}", name)});
    return {};
  });
}

}  // namespace agent_secrets::control_plane
