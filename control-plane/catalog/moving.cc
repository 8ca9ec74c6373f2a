#include "control-plane/catalog/moving.h"

#include <fmt/format.h>

#include "control-plane/catalog/database_time.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {
namespace {

// A name in the table `settings`. docs/OPERATIONS.md says how an operator removes the row.
constexpr std::string_view kMovedTo = "moved_to";

}  // namespace

std::optional<std::string> find_holder(Transaction& tx) {
  const Rows rows =
      tx.query("SELECT holder FROM leases WHERE expires_at > ?1 LIMIT 1", database_time(tx));
  if (rows.empty()) return std::nullopt;
  return rows.front().text("holder");
}

void mark_as_moved(Transaction& tx, std::string_view place) {
  tx.execute("INSERT INTO settings (name, value) VALUES (?1, ?2)", kMovedTo, place);
}

Result<void> refuse_moved(Transaction& tx, std::string_view name) {
  const Rows rows = tx.query("SELECT value FROM settings WHERE name = ?1", kMovedTo);
  if (rows.empty()) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{} was moved to {}", name, rows.front().text("value")),
              "use the catalog there; to go back to this older state, see 'Move to PostgreSQL, and "
              "back' in docs/OPERATIONS.md");
}

}  // namespace agent_secrets::control_plane
