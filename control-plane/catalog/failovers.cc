#include "control-plane/catalog/failovers.h"

#include <string>
#include <string_view>

#include "control-plane/catalog/context.h"
#include "control-plane/catalog/restored_copy.h"

namespace agent_secrets::control_plane {
namespace {

std::string stored_timeline(Transaction& tx) {
  const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", kServerTimeline);
  return rows.empty() ? "" : rows.front().text("value");
}

void store_timeline(Transaction& tx, std::string_view id) {
  tx.execute(
      "INSERT INTO settings (name, value) VALUES (?1, ?2)"
      " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      kServerTimeline, id);
}

void lock(Transaction& tx) {
  tx.execute({"SELECT 1 AS alone", "LOCK TABLE settings, agents IN SHARE ROW EXCLUSIVE MODE"});
}

}  // namespace

Result<ServerTimeline> Failovers::settle() {
  return settle_failover(*context_.database, {.stored = stored_timeline,
                                              .store = store_timeline,
                                              .lock = lock,
                                              .raise = [this](Transaction& tx) {
                                                raise_numbers(tx, context_.authority);
                                              }});
}

}  // namespace agent_secrets::control_plane
