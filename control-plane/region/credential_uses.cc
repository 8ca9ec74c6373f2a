#include "control-plane/region/credential_uses.h"

#include <set>
#include <string_view>
#include <vector>

#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {
namespace {

// Writes nothing for a removed agent. Another server may have recorded the same hour already.
void write_use(Transaction& tx, const CredentialUse& use) {
  tx.execute_later(
      "INSERT INTO credential_uses (kid, agent_id, used_at)"
      " SELECT ?1, id, ?3 FROM agents WHERE id = ?2"
      " ON CONFLICT (kid) DO UPDATE SET agent_id = excluded.agent_id, used_at = excluded.used_at"
      " WHERE credential_uses.used_at < excluded.used_at",
      use.kid, use.agent_id, use.hour);
}

// Deletes rows of credentials that have left the lists. Otherwise the rows of keys of developers'
// runs, which leave the lists after a day, would accumulate.
void drop_unlisted(Transaction& tx, std::int64_t agent_id) {
  tx.execute_later(
      "DELETE FROM credential_uses WHERE agent_id = ?1 AND NOT EXISTS"
      " (SELECT 1 FROM credentials c WHERE c.kid = credential_uses.kid)",
      agent_id);
}

}  // namespace

Result<void> DatabaseRegionStore::record_uses(std::span<const CredentialUse> uses) {
  return database_->write("record uses", [&](Transaction& tx) -> Result<void> {
    std::set<std::int64_t> agents;
    for (const CredentialUse& use : uses) {
      write_use(tx, use);
      agents.insert(use.agent_id);
    }
    for (const std::int64_t agent : agents) drop_unlisted(tx, agent);
    return {};
  });
}

Result<std::vector<CredentialUse>> DatabaseRegionStore::list_uses(std::string_view organization) {
  return database_->read("list uses", [&](Transaction& tx) -> Result<std::vector<CredentialUse>> {
    std::vector<CredentialUse> uses;
    for (const Row row : tx.query("SELECT u.kid, u.agent_id, u.used_at FROM credential_uses u"
                                  " JOIN agents a ON a.id = u.agent_id WHERE a.organization = ?1"
                                  " ORDER BY u.kid",
                                  organization)) {
      uses.push_back({.kid = row.text("kid"),
                      .agent_id = row.integer("agent_id"),
                      .hour = row.time("used_at")});
    }
    return uses;
  });
}

}  // namespace agent_secrets::control_plane
