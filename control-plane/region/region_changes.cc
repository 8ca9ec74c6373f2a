// The changes of a region store, for its followers (replica/region_follower.h), also after a
// failover that has lost changes.
#include <string>
#include <string_view>
#include <utility>

#include "control-plane/region/changes_lock.h"
#include "control-plane/region/database_region_store.h"
#include "control-plane/region/server_timeline.h"

namespace agent_secrets::control_plane {
namespace {

std::string stored_timeline(Transaction& tx) {
  const Rows rows = tx.query("SELECT timeline FROM changes WHERE id = 1");
  return rows.empty() ? "" : rows.front().text("timeline");
}

void store_timeline(Transaction& tx, std::string_view id) {
  tx.execute("UPDATE changes SET timeline = ?1 WHERE id = 1", id);
}

// Marks every agent as changed, with a number that is higher than any lost one, so that every
// follower finds every agent.
void raise(Transaction& tx) {
  tx.execute("UPDATE changes SET number = number + ?1 WHERE id = 1", kFailoverStep);
  tx.execute("UPDATE agents SET changed = (SELECT number FROM changes WHERE id = 1)");
}

}  // namespace

void lock_changes(Transaction& tx) {
  tx.execute_later({"SELECT 1 AS alone", "LOCK TABLE changes IN SHARE ROW EXCLUSIVE MODE"});
}

void forget_server_of_region(Transaction& tx) { store_timeline(tx, ""); }

Result<ServerTimeline> DatabaseRegionStore::settle_failover() {
  auto timeline = control_plane::settle_failover(
      *database_,
      {.stored = stored_timeline, .store = store_timeline, .lock = lock_changes, .raise = raise});
  if (timeline && timeline->was_raised) database_->notify("agents");
  return timeline;
}

Result<RegionChanges> DatabaseRegionStore::changes_since(std::int64_t number) {
  return database_->read("find changes", [&](Transaction& tx) -> Result<RegionChanges> {
    const Rows rows = tx.query(
        "SELECT changes.number, agents.id AS agent_id FROM changes"
        " LEFT JOIN agents ON agents.changed > ?1",
        number);
    if (rows.empty()) return fail(ErrorCode::failed, "the counter of the changes is gone");
    RegionChanges changes{.number = rows.front().integer("number"), .agents = {}};
    for (const Row row : rows) {
      if (const auto agent = row.optional_integer("agent_id")) changes.agents.push_back(*agent);
    }
    return changes;
  });
}

Result<std::unique_ptr<NoticeListener>> DatabaseRegionStore::listen(std::function<void()> changed,
                                                                    const Log& log) {
  return database_->listen(
      [changed = std::move(changed)](std::string_view /*of any text*/) { changed(); }, log);
}

}  // namespace agent_secrets::control_plane
