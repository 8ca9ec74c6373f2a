// What is owed to the runner of deploy commands, and the events of agents.
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

// At most so many bytes of UTF-8, without half a character at the end.
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
  return db_.write_urgently("let rollouts go", [&]() -> Result<void> {
    db_.query("UPDATE deployments SET rolled_out = 1 WHERE rolled_out = 0").run();
    db_.query("DELETE FROM rollouts").run();
    return {};
  });
}

// A deployment that has not been rolled out stays to be deployed when its scaling changes
// meanwhile.
void SqliteCatalog::request_rollout(std::int64_t agent_id, RolloutEvent event) {
  if (!rollouts_wanted_) return;
  db_.query(
         "INSERT INTO rollouts (agent_id, ticket, event, place)"
         " SELECT ?1, 1, ?2, coalesce(max(place), 0) + 1 FROM rollouts WHERE true"
         " ON CONFLICT (agent_id) DO UPDATE SET ticket = ticket + 1, failed = 0, message = '',"
         " place = CASE failed WHEN 0 THEN place ELSE excluded.place END,"
         " event = CASE WHEN event = 'deploy' AND ?2 = 'scale' THEN event ELSE ?2 END",
         agent_id, to_string(event))
      .run();
}

std::optional<RolloutStatus> SqliteCatalog::find_rollout(std::int64_t agent_id) {
  auto row = db_.query("SELECT event, failed, message FROM rollouts WHERE agent_id = ?", agent_id);
  if (!row.step()) return std::nullopt;
  return RolloutStatus{
      .event = event_of(row.text(0)), .has_failed = row.integer(1) != 0, .failure = row.text(2)};
}

Result<std::vector<Rollout>> SqliteCatalog::due_rollouts() {
  return db_.read("list due rollouts", [&]() -> Result<std::vector<Rollout>> {
    auto rows = db_.query(
        "SELECT a.id, r.ticket, r.event, o.name, a.name, a.region, d.id, d.image, d.secret_set,"
        " coalesce((SELECT max(p.version) FROM deployment_pins p WHERE p.deployment_id = d.id), 0),"
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
    while (rows.step()) {
      due.push_back({.agent_id = rows.integer(0),
                     .ticket = rows.integer(1),
                     .event = event_of(rows.text(2)),
                     .organization = rows.text(3),
                     .agent = rows.text(4),
                     .region = rows.text(5),
                     .deployment_id = rows.text(6),
                     .image = rows.text(7),
                     .secret_set = rows.text(8),
                     .secret_set_version = rows.integer(9),
                     .image_pull_secret_set = rows.text(10),
                     .min_agents = static_cast<int>(rows.integer(11)),
                     .max_agents = static_cast<int>(rows.integer(12))});
    }
    return due;
  });
}

Result<bool> SqliteCatalog::settle_rollout(const Rollout& rollout, std::string_view failure) {
  return db_.write("settle rollout", [&]() -> Result<bool> {
    // Also when a newer request waits: this deployment has got as far as that.
    if (failure.empty() && rollout.event == RolloutEvent::deploy) {
      db_.query("UPDATE deployments SET rolled_out = 1 WHERE id = ?", rollout.deployment_id).run();
    }
    const int settled = failure.empty()
                            ? db_.query("DELETE FROM rollouts WHERE agent_id = ? AND ticket = ?",
                                        rollout.agent_id, rollout.ticket)
                                  .run()
                            : db_.query(
                                     "UPDATE rollouts SET failed = 1, message = ?"
                                     " WHERE agent_id = ? AND ticket = ?",
                                     failure, rollout.agent_id, rollout.ticket)
                                  .run();
    if (settled == 1) return true;
    // It has had its turn: the newer request waits behind those that have not.
    db_.query(
           "UPDATE rollouts SET place = (SELECT max(place) + 1 FROM rollouts) WHERE agent_id = ?",
           rollout.agent_id)
        .run();
    return false;
  });
}

void SqliteCatalog::insert_event(std::int64_t agent_id, std::string_view kind,
                                 std::string_view text) {
  text = first_characters(text, limits::kEventText);
  db_.query("INSERT INTO agent_events (agent_id, at, kind, text) VALUES (?, ?, ?, ?)", agent_id,
            clock_.unix_time(), kind, text)
      .run();
  db_.query(
         "DELETE FROM agent_events WHERE agent_id = ?1 AND id <="
         " (SELECT id FROM agent_events WHERE agent_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
         agent_id, limits::kEventsPerAgent)
      .run();
}

Result<void> SqliteCatalog::add_event(std::int64_t agent_id, std::string_view kind,
                                      std::string_view text) {
  return db_.write("add event", [&]() -> Result<void> {
    insert_event(agent_id, kind, text);
    return {};
  });
}

Result<std::vector<AgentEvent>> SqliteCatalog::list_events(std::int64_t agent_id) {
  return db_.read("list events", [&]() -> Result<std::vector<AgentEvent>> {
    auto rows = db_.query("SELECT at, kind, text FROM agent_events WHERE agent_id = ? ORDER BY id",
                          agent_id);
    std::vector<AgentEvent> events;
    while (rows.step()) {
      events.push_back({.at = rows.time(0), .kind = rows.text(1), .text = rows.text(2)});
    }
    return events;
  });
}

}  // namespace agent_secrets::control_plane
