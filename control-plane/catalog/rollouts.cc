#include "control-plane/catalog/rollouts.h"

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/leases.h"

namespace agent_secrets::control_plane {
namespace {

// In the table `settings`: the row says that the control plane has a deploy command.
constexpr std::string_view kDeployCommand = "deploy_command";

RolloutEvent event_of(std::string_view text) {
  if (text == "scale") return RolloutEvent::scale;
  return text == "delete" ? RolloutEvent::remove : RolloutEvent::deploy;
}

// The command of an agent whose rows are refused does not run: it would start another image, or
// another agent's. A deleted agent gives no right, and has no code.
bool may_run(Transaction& tx, const Authority& authority, const Row& row) {
  return event_of(row.text("event")) == RolloutEvent::remove ||
         is_accepted_agent(tx, authority, row.integer("id"));
}

Rollout read_rollout(const Row& row) {
  return {.agent_id = row.integer("id"),
          .ticket = row.integer("ticket"),
          .event = event_of(row.text("event")),
          .organization = row.text("organization"),
          .agent = row.text("name"),
          .region = row.text("region"),
          .deployment_id = row.text("deployment_id"),
          .image = row.text("image"),
          .secret_set = row.text("secret_set"),
          .secret_set_version = row.integer("secret_set_version"),
          .image_pull_secret_set = row.text("image_pull_secret_set"),
          .min_agents = static_cast<int>(row.integer("min_agents")),
          .max_agents = static_cast<int>(row.integer("max_agents"))};
}

}  // namespace

std::string_view to_string(RolloutEvent event) {
  switch (event) {
    case RolloutEvent::deploy:
      return "deploy";
    case RolloutEvent::scale:
      return "scale";
    case RolloutEvent::remove:
      return "delete";
  }
  AGENT_SECRETS_ASSERT(false);
}

bool has_deploy_command(Transaction& tx) {
  return !tx.query("SELECT 1 FROM settings WHERE name = ?1", kDeployCommand).empty();
}

Result<bool> Rollouts::has_command() {
  return context_.database->read("look for a deploy command", [](Transaction& tx) {
    return Result<bool>(has_deploy_command(tx));
  });
}

Result<void> Rollouts::use_command(const Actor& actor) {
  // A server must start when the disk is full. At every start but the first there is nothing to
  // write.
  auto there = has_command();
  if (there && *there) return {};
  return context_.database->write(
      "record the deploy command", [&](Transaction& tx) -> Result<void> {
        const std::int64_t added = tx.execute(
            "INSERT INTO settings (name, value) VALUES (?1, 'yes') ON CONFLICT DO NOTHING",
            kDeployCommand);
        if (added == 1) record(tx, context_, actor, {.action = "deploy-command.use"});
        return {};
      });
}

Result<void> Rollouts::forget_command(const Actor& actor) {
  // Urgent: a server must start when the disk is full.
  return context_.database->write_urgently("let rollouts go", [&](Transaction& tx) -> Result<void> {
    const std::int64_t had = tx.execute("DELETE FROM settings WHERE name = ?1", kDeployCommand);
    if (had == 1) record(tx, context_, actor, {.action = "deploy-command.forget"});
    tx.execute("UPDATE deployments SET rolled_out = 1 WHERE rolled_out = 0");
    tx.execute("DELETE FROM rollouts");
    return {};
  });
}

// Tickets begin at the agent's revision, which no failover sets back (catalog/failovers.h): a
// deploy command that runs for a ticket of a lost commit settles no later one.
//
// When the scaling changes before a deploy command has run, the event stays `deploy`.
void request_rollout(Transaction& tx, std::int64_t agent_id, RolloutEvent event) {
  if (!has_deploy_command(tx)) return;
  tx.execute(
      "INSERT INTO rollouts (agent_id, ticket, event, place)"
      " SELECT ?1, (SELECT revision FROM agents WHERE id = ?1), ?2, coalesce(max(place), 0) + 1 "
      "FROM rollouts WHERE true"
      " ON CONFLICT (agent_id) DO UPDATE SET ticket = rollouts.ticket + 1, failed = 0, message = "
      "'',"
      " place = CASE rollouts.failed WHEN 0 THEN rollouts.place ELSE excluded.place END,"
      " event = CASE WHEN rollouts.event = 'deploy' AND ?2 = 'scale' THEN rollouts.event ELSE ?2"
      " END",
      agent_id, to_string(event));
}

std::optional<RolloutStatus> find_rollout(Transaction& tx, std::int64_t agent_id) {
  const Rows rows =
      tx.query("SELECT event, failed, message FROM rollouts WHERE agent_id = ?1", agent_id);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return RolloutStatus{.event = event_of(row.text("event")),
                       .has_failed = row.boolean("failed"),
                       .failure = row.text("message")};
}

Result<std::vector<Rollout>> Rollouts::list_due() {
  return context_.database->read(
      "list due rollouts", [&](Transaction& tx) -> Result<std::vector<Rollout>> {
        const Rows rows = tx.query(
            "SELECT a.id, r.ticket, r.event, o.name AS organization, a.name, a.region,"
            " d.id AS deployment_id, d.image, d.secret_set,"
            " coalesce((SELECT max(p.version) FROM deployment_pins p WHERE p.deployment_id = "
            "d.id), 0)"
            "   AS secret_set_version,"
            " d.image_pull_secret_set, a.min_agents, a.max_agents"
            " FROM rollouts r JOIN agents a ON a.id = r.agent_id"
            " JOIN organizations o ON o.id = a.organization_id"
            " JOIN deployments d ON d.id = a.deployment_id"
            " WHERE r.failed = 0 AND a.published_revision >="
            "   CASE r.event WHEN 'delete' THEN a.revision ELSE d.revision END"
            "   AND NOT EXISTS (SELECT 1 FROM rollouts e JOIN agents b ON b.id = e.agent_id"
            "     WHERE b.organization_id = a.organization_id AND b.name = a.name AND b.id < a.id"
            "       AND e.failed = 0)"
            " ORDER BY r.place, a.id");
        std::vector<Rollout> due;
        for (const Row row : rows) {
          if (may_run(tx, context_.authority, row)) due.push_back(read_rollout(row));
        }
        return due;
      });
}

Result<bool> Rollouts::settle(const Rollout& rollout, std::string_view failure,
                              const LeaseTerm& term) {
  return context_.database->write("settle rollout", [&](Transaction& tx) -> Result<bool> {
    if (auto ok = require_lease(tx, term); !ok) return propagate(ok);
    // Also if a newer request is due: the command of this deployment has succeeded.
    if (failure.empty() && rollout.event == RolloutEvent::deploy) {
      tx.execute("UPDATE deployments SET rolled_out = 1 WHERE id = ?1", rollout.deployment_id);
    }
    const std::int64_t settled =
        failure.empty() ? tx.execute("DELETE FROM rollouts WHERE agent_id = ?1 AND ticket = ?2",
                                     rollout.agent_id, rollout.ticket)
                        : tx.execute(
                              "UPDATE rollouts SET failed = 1, message = ?1"
                              " WHERE agent_id = ?2 AND ticket = ?3",
                              failure, rollout.agent_id, rollout.ticket);
    if (settled == 1) return true;
    // A newer request came during the run. It goes to the end of the queue, so that the other
    // agents come before a second run of this agent.
    tx.execute(
        "UPDATE rollouts SET place = (SELECT max(place) + 1 FROM rollouts) WHERE agent_id = ?1",
        rollout.agent_id);
    return false;
  });
}

}  // namespace agent_secrets::control_plane
