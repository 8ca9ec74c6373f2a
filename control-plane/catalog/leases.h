#pragma once
// Which process does the work that only one may do at a time, when several serve one database: the
// provisioner of a region, the runner of deploy commands, and the keeper of the audit log.
//
// A lease is a row: the work, its holder, a fence and the time at which it ends. A holder renews it
// before that time (replica/lease_keeper.h). The time is the database's clock, so the clocks of two
// holders may differ.
//
// A lease that ends too early is harmless, because the fence protects the data: taking a lease
// raises the fence, and require_lease() in each write of leased work refuses an older one.
// Transactions are serializable, so a write that passed the check counts as done before the lease
// was taken. Source: martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html, "Making
// the lock safe with fencing".
//
// A fence is at least the database's time in milliseconds. Region stores remember the highest
// fence that they have seen (region/region_store.h), and a catalog that was restored from a backup
// must not give out lower ones.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "control-plane/model/lease_term.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

// The names of the work that has a lease.
std::string provisioner_work(std::string_view region);
inline constexpr std::string_view kRolloutsWork = "rollouts";
inline constexpr std::string_view kAuditWork = "audit";  // chaining the catalog's audit log

struct LeaseRequest {
  std::string work;
  std::string holder;              // names one process; for messages too
  std::chrono::milliseconds time;  // from now, by the database's clock
  // Take the lease also from a holder whose time has not ended. Only for the process that has the
  // lock of a data directory: the holder was an earlier process with this lock, and has ended.
  bool at_once = false;
};

class Leases {
 public:
  explicit Leases(CatalogContext& context) : context_(context) {}

  // The new term, when the lease was free, had ended, or was the holder's own; else the name of
  // the holder.
  Result<std::variant<LeaseTerm, std::string>> take(const LeaseRequest& request);
  // False: another process has taken the lease.
  Result<bool> renew(const LeaseTerm& term, std::chrono::milliseconds time);
  // Ends the lease, so that another process can take it at once. No effect when another process
  // has taken it.
  Result<void> release(const LeaseTerm& term);

 private:
  CatalogContext& context_;
};

// For the other subjects: ErrorCode::conflict unless the term is the newest of its work.
Result<void> require_lease(Transaction& tx, const LeaseTerm& term);

}  // namespace agent_secrets::control_plane
