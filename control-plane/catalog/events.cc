#include "control-plane/catalog/events.h"

#include "control-plane/catalog/context.h"
#include "control-plane/catalog/leases.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// At most `most` bytes, cut between two characters of UTF-8.
std::string_view first_characters(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace

void insert_event(Transaction& tx, std::int64_t agent_id, const AgentEvent& event) {
  tx.execute("INSERT INTO agent_events (agent_id, at, kind, text) VALUES (?1, ?2, ?3, ?4)",
             agent_id, event.at, event.kind, first_characters(event.text, limits::kEventText));
  tx.execute(
      "DELETE FROM agent_events WHERE agent_id = ?1 AND id <="
      " (SELECT id FROM agent_events WHERE agent_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
      agent_id, limits::kEventsPerAgent);
}

Result<void> Events::add(std::int64_t agent_id, std::string_view kind, std::string_view text,
                         const LeaseTerm& term) {
  return context_.database->write("add event", [&](Transaction& tx) -> Result<void> {
    if (auto ok = require_lease(tx, term); !ok) return ok;
    insert_event(
        tx, agent_id,
        {.at = context_.clock.unix_time(), .kind = std::string(kind), .text = std::string(text)});
    return {};
  });
}

Result<std::vector<AgentEvent>> Events::list(std::int64_t agent_id) {
  return context_.database->read(
      "list events", [&](Transaction& tx) -> Result<std::vector<AgentEvent>> {
        std::vector<AgentEvent> events;
        for (const Row row :
             tx.query("SELECT at, kind, text FROM agent_events WHERE agent_id = ?1 ORDER BY id",
                      agent_id)) {
          events.push_back(
              {.at = row.time("at"), .kind = row.text("kind"), .text = row.text("text")});
        }
        return events;
      });
}

}  // namespace agent_secrets::control_plane
