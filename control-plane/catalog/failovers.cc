#include "control-plane/catalog/failovers.h"

#include <string>
#include <string_view>

#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kTimeline = "server_timeline";  // a name in the table `settings`

std::string stored_timeline(Transaction& tx) {
  const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", kTimeline);
  return rows.empty() ? "" : rows.front().text("value");
}

void store_timeline(Transaction& tx, std::string_view id) {
  tx.execute(
      "INSERT INTO settings (name, value) VALUES (?1, ?2)"
      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      kTimeline, id);
}

void lock(Transaction& tx) {
  tx.execute({"SELECT 1 AS alone", "LOCK TABLE settings, agents IN SHARE ROW EXCLUSIVE MODE"});
}

void raise(Transaction& tx) {
  tx.execute("UPDATE agents SET sequence = sequence + ?1, revision = revision + ?1", kFailoverStep);
  tx.execute("UPDATE organizations SET sequence_floor = sequence_floor + ?1", kFailoverStep);
  // A deploy command that is running now has an old ticket: its result is ignored, and it runs
  // again.
  tx.execute("UPDATE rollouts SET ticket = ticket + ?1", kFailoverStep);
  // Lost ids must not be used again, because encrypted values are bound to ids. SQLite has no
  // failover.
  tx.execute({"SELECT ?1 AS raised",
              "SELECT setval(CAST(format('%I.%I', schemaname, sequencename) AS regclass),"
              " coalesce(last_value, 0) + ?1) AS raised"
              " FROM pg_sequences WHERE schemaname = current_schema()"},
             kFailoverStep);
}

}  // namespace

Result<ServerTimeline> Failovers::settle() {
  return settle_failover(
      *context_.database,
      {.stored = stored_timeline, .store = store_timeline, .lock = lock, .raise = raise});
}

}  // namespace agent_secrets::control_plane
