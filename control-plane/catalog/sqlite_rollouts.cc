// The deploy commands that have to run, and the events of agents.
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/sqlite_catalog.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

RolloutEvent event_of(std::string_view text) {
  if (text == "scale") return RolloutEvent::scale;
  return text == "delete" ? RolloutEvent::remove : RolloutEvent::deploy;
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

// At most `most` bytes, cut between two characters of UTF-8.
std::string_view first_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
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

Result<void> SqliteCatalog::use_rollouts(bool wanted) {
  rollouts_wanted_ = wanted;
  if (wanted) return {};
  // Urgent: a server has to start on a full disk.
  return database_->write_urgently("let rollouts go", [&](Transaction& tx) -> Result<void> {
    tx.execute("UPDATE deployments SET rolled_out = 1 WHERE rolled_out = 0");
    tx.execute("DELETE FROM rollouts");
    return {};
  });
}

// When the scaling changes before a deploy command has run, the event stays `deploy`.
void SqliteCatalog::request_rollout(Transaction& tx, std::int64_t agent_id, RolloutEvent event) {
  if (!rollouts_wanted_) return;
  tx.execute(
      "INSERT INTO rollouts (agent_id, ticket, event, place)"
      " SELECT ?1, 1, ?2, coalesce(max(place), 0) + 1 FROM rollouts WHERE true"
      " ON CONFLICT (agent_id) DO UPDATE SET ticket = ticket + 1, failed = 0, message = '',"
      " place = CASE failed WHEN 0 THEN place ELSE excluded.place END,"
      " event = CASE WHEN event = 'deploy' AND ?2 = 'scale' THEN event ELSE ?2 END",
      agent_id, to_string(event));
}

std::optional<RolloutStatus> SqliteCatalog::find_rollout(Transaction& tx, std::int64_t agent_id) {
  const Rows rows =
      tx.query("SELECT event, failed, message FROM rollouts WHERE agent_id = ?1", agent_id);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return RolloutStatus{.event = event_of(row.text("event")),
                       .has_failed = row.boolean("failed"),
                       .failure = row.text("message")};
}

Result<std::vector<Rollout>> SqliteCatalog::due_rollouts() {
  return database_->read("list due rollouts", [&](Transaction& tx) -> Result<std::vector<Rollout>> {
    const Rows rows = tx.query(
        "SELECT a.id, r.ticket, r.event, o.name AS organization, a.name, a.region,"
        " d.id AS deployment_id, d.image, d.secret_set,"
        " coalesce((SELECT max(p.version) FROM deployment_pins p WHERE p.deployment_id = d.id), 0)"
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
    for (const Row row : rows) due.push_back(read_rollout(row));
    return due;
  });
}

Result<bool> SqliteCatalog::settle_rollout(const Rollout& rollout, std::string_view failure) {
  return database_->write("settle rollout", [&](Transaction& tx) -> Result<bool> {
    // Also when a newer request waits: the command of this deployment has succeeded.
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
    // A newer request came during the run. It waits behind all others, because this agent has had
    // its turn.
    tx.execute(
        "UPDATE rollouts SET place = (SELECT max(place) + 1 FROM rollouts) WHERE agent_id = ?1",
        rollout.agent_id);
    return false;
  });
}

void SqliteCatalog::insert_event(Transaction& tx, std::int64_t agent_id, std::string_view kind,
                                 std::string_view text) {
  text = first_characters(text, limits::kEventText);
  tx.execute("INSERT INTO agent_events (agent_id, at, kind, text) VALUES (?1, ?2, ?3, ?4)",
             agent_id, clock_.unix_time(), kind, text);
  tx.execute(
      "DELETE FROM agent_events WHERE agent_id = ?1 AND id <="
      " (SELECT id FROM agent_events WHERE agent_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
      agent_id, limits::kEventsPerAgent);
}

Result<void> SqliteCatalog::add_event(std::int64_t agent_id, std::string_view kind,
                                      std::string_view text) {
  return database_->write("add event", [&](Transaction& tx) -> Result<void> {
    insert_event(tx, agent_id, kind, text);
    return {};
  });
}

Result<std::vector<AgentEvent>> SqliteCatalog::list_events(std::int64_t agent_id) {
  return database_->read("list events", [&](Transaction& tx) -> Result<std::vector<AgentEvent>> {
    std::vector<AgentEvent> events;
    for (const Row row : tx.query(
             "SELECT at, kind, text FROM agent_events WHERE agent_id = ?1 ORDER BY id", agent_id)) {
      events.push_back({.at = row.time("at"), .kind = row.text("kind"), .text = row.text("text")});
    }
    return events;
  });
}

}  // namespace agent_secrets::control_plane
