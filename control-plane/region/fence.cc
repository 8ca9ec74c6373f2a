#include "control-plane/region/fence.h"

#include <cstdint>

namespace agent_secrets::control_plane {

Result<void> accept_term(Transaction& tx, const LeaseTerm& term) {
  const Rows rows = tx.query("SELECT number FROM fence");
  const std::int64_t seen = rows.empty() ? 0 : rows.front().integer("number");
  if (seen > term.fence) {
    return fail(ErrorCode::conflict, "another process has taken over " + term.work);
  }
  if (seen < term.fence) {
    tx.execute(
        "INSERT INTO fence (id, number) VALUES (1, ?1)"
        " ON CONFLICT (id) DO UPDATE SET number = excluded.number",
        term.fence);
  }
  return {};
}

}  // namespace agent_secrets::control_plane
