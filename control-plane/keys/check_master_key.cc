#include "control-plane/keys/check_master_key.h"

#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {

Result<void> check_master_key(Transaction& tx, const MasterKey& master_key) {
  for (const Row row : tx.query("SELECT id, purpose, wrapped FROM keys")) {
    auto key = master_key.unwrap(row.text("id"), row.text("purpose"), row.blob("wrapped"));
    if (!key) return propagate(key);
  }
  return {};
}

}  // namespace agent_secrets::control_plane
