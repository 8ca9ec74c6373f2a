#include "control-plane/catalog/database_time.h"

#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {

std::int64_t database_time(Transaction& tx) {
  return tx
      .query({"SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS now",
              "SELECT CAST(extract(epoch FROM now()) * 1000 AS bigint) AS now"})
      .front()
      .integer("now");
}

}  // namespace agent_secrets::control_plane
