#include "control-plane/catalog/leases.h"

#include <algorithm>

#include <fmt/format.h>

#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {
namespace {

// The database's clock, in milliseconds of Unix time. PostgreSQL's is the time at which the
// transaction began. SQLite's comes in days, as a floating-point number a little beside the whole
// millisecond that is meant.
std::int64_t database_time(Transaction& tx) {
  return tx
      .query({"SELECT CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER) AS now",
              "SELECT CAST(extract(epoch FROM now()) * 1000 AS bigint) AS now"})
      .front()
      .integer("now");
}

}  // namespace

std::string provisioner_work(std::string_view region) {
  return fmt::format("provisioner:{}", region);
}

// Urgent, as every write here: revocations wait for a provisioner, also on a full disk.
Result<std::variant<LeaseTerm, std::string>> Leases::take(const LeaseRequest& request) {
  using Taken = std::variant<LeaseTerm, std::string>;
  return context_.database->write_urgently("take lease", [&](Transaction& tx) -> Result<Taken> {
    const std::int64_t now = database_time(tx);
    std::int64_t fence = now;
    const Rows rows =
        tx.query("SELECT holder, fence, expires_at FROM leases WHERE work = ?1", request.work);
    if (!rows.empty()) {
      const Row row = rows.front();
      std::string holder = row.text("holder");
      const bool is_free = row.integer("expires_at") <= now || holder == request.holder;
      if (!is_free && !request.at_once) return holder;
      fence = std::max(now, row.integer("fence") + 1);
    }
    tx.execute(
        "INSERT INTO leases (work, holder, fence, expires_at) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (work) DO UPDATE SET holder = excluded.holder, fence = excluded.fence,"
        " expires_at = excluded.expires_at",
        request.work, request.holder, fence, now + request.time.count());
    return LeaseTerm{.work = request.work, .fence = fence};
  });
}

Result<bool> Leases::renew(const LeaseTerm& term, std::chrono::milliseconds time) {
  return context_.database->write_urgently("renew lease", [&](Transaction& tx) -> Result<bool> {
    return tx.execute("UPDATE leases SET expires_at = ?1 WHERE work = ?2 AND fence = ?3",
                      database_time(tx) + time.count(), term.work, term.fence) == 1;
  });
}

Result<void> Leases::release(const LeaseTerm& term) {
  return context_.database->write_urgently("release lease", [&](Transaction& tx) -> Result<void> {
    tx.execute("UPDATE leases SET expires_at = 0 WHERE work = ?1 AND fence = ?2", term.work,
               term.fence);
    return {};
  });
}

Result<void> require_lease(Transaction& tx, const LeaseTerm& term) {
  const bool is_newest =
      !tx.query("SELECT 1 FROM leases WHERE work = ?1 AND fence = ?2", term.work, term.fence)
           .empty();
  if (is_newest) return {};
  return fail(ErrorCode::conflict, "another process has taken over " + term.work);
}

}  // namespace agent_secrets::control_plane
