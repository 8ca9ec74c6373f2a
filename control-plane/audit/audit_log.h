#pragma once
// The audit log of one database: of the catalog (changes, and refusals of authentication and
// authorization), or of one region (bundles that were handed out or refused). Each database has its
// own log, because a region node has no catalog, and one transaction cannot span two databases.
//
// append() takes a transaction, so that a change and its record are committed together. The other
// functions are about what is there already: a server chains the records (audit/keeper.h), and
// commands and the REST API read them.
//
// Threads: safe from several. The database must outlive the AuditLog.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control-plane/audit/record.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Database;
class Row;
class Transaction;

// If the record cannot be written, the transaction fails, and with it the change. The statement is
// deferred (database/transaction.h). Object and detail are cut by bounded_text().
void append(Transaction& tx, const AuditEntry& entry);

// The end of the chain.
struct AuditHead {
  std::int64_t size = 0;  // the position of the last chained record; 0: none
  AuditHash hash{};
};

// Whose records: all of them, or those of one organization. A region's log knows organizations by
// name only: their records have the id 0.
struct AuditOrganization {
  std::int64_t id = 0;
  std::string name;
};

class AuditLog {
 public:
  explicit AuditLog(Database& database) : database_(database) {}

  // In one transaction of its own.
  Result<void> append_all(std::span<const AuditEntry> entries);
  // Chains at most limits::kAuditBatch records. True: there may be more. Two processes that chain
  // at once do no harm: one of them runs again, or finds nothing to do.
  Result<bool> chain();
  Result<AuditHead> head();
  // Newest first; at most `count` records, with ids below `before`.
  Result<std::vector<AuditRecord>> list_newest(std::int64_t before, std::int64_t count,
                                               const std::optional<AuditOrganization>& of);
  // Chained records in the order of the chain, at positions above `position`: at most
  // limits::kAuditBatch.
  Result<std::vector<AuditRecord>> list_chained(std::int64_t position);
  Result<std::int64_t> count_unchained();

  // Checkpoints, as sign_statement() makes them. False: there is one of this size already.
  Result<bool> put_checkpoint(std::int64_t size, std::string_view text);
  Result<std::optional<std::string>> newest_checkpoint();
  // In rising order of their sizes, above `size`: at most limits::kAuditBatch.
  struct StoredCheckpoint {
    std::int64_t size = 0;
    std::string text;
  };
  Result<std::vector<StoredCheckpoint>> list_checkpoints(std::int64_t size);

  // Removes chained records from the beginning of the chain: those before the first one that is not
  // older than `before`. The last chained record stays. `statement` gets the last removed position
  // and its hash, and returns the entry that records the removal in the same transaction. Returns
  // the number of removed records; without any, nothing is recorded.
  struct Cut {
    std::int64_t through = 0;  // positions up to this one are removed
    AuditHash hash{};          // of the record at this position
  };
  using CutStatement = std::function<AuditEntry(const Cut&)>;
  Result<std::int64_t> cut(UnixMs before, const CutStatement& statement);

 private:
  Database& database_;
};

}  // namespace agent_secrets::control_plane
