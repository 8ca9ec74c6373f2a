// What changed in a region store, for those who follow it (replica/region_follower.h).
#include <utility>

#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {

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
