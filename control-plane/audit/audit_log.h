#pragma once
// The audit log of one database: of the catalog (changes, and refusals of authentication and
// authorization), or of one region (bundles that were handed out or refused). Each database has its
// own log, because a region node has no catalog, and one transaction cannot span two databases.
//
// append() takes a transaction, so that a change and its record are committed together. The other
// functions are about what is there already: a server chains the records (audit/keeper.h), and
// commands and the REST API read them.
//
// The authority is that of the rows of the same database. It makes the code of each record, and
// tells a record that a server has written from one that somebody has added (audit/coded_record.h).
//
// Threads: safe from several. Database and authority must outlive the AuditLog.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control-plane/audit/record.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Authority;
class Database;
class Rows;
class Transaction;

// If the record cannot be written, the transaction fails, and with it the change. The statement is
// deferred (database/transaction.h). Object and detail are cut by bounded_text().
void append(Transaction& tx, const Authority& authority, const AuditEntry& entry);

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
  AuditLog(Database& database, const Authority& authority)
      : database_(database), authority_(authority) {}

  // In one transaction of its own.
  Result<void> append_all(std::span<const AuditEntry> entries);
  // Chains at most limits::kAuditBatch records. True: there may be more. Two processes that chain
  // at once do no harm: one of them runs again, or finds nothing to do. A record whose code does
  // not hold is not chained: it gets its id, negative, as its position, and is counted and logged
  // as a refused row.
  Result<bool> chain();
  Result<AuditHead> head();
  // Newest first; at most `count` records, with ids below `before`.
  Result<std::vector<AuditRecord>> list_newest(std::int64_t before, std::int64_t count,
                                               const std::optional<AuditOrganization>& of);
  // Chained records in the order of the chain, at positions above `position`: at most
  // limits::kAuditBatch. Positions below 0 are those of refused records.
  Result<std::vector<AuditRecord>> list_chained(std::int64_t position);
  // Records that are not chained yet, in the order of their ids, above `id`: at most
  // limits::kAuditBatch.
  Result<std::vector<AuditRecord>> list_unchained(std::int64_t id);
  Result<std::int64_t> count_unchained();
  // Ids of records that have the code of another record: copies. At most `count`.
  Result<std::vector<std::int64_t>> list_copies(std::int64_t count);
  // The ids of all records whose code does not hold. Reads the whole log.
  Result<std::vector<std::int64_t>> list_refused();
  // Gives these records a code: an operator has said that they are right. They are chained next.
  Result<void> adopt();

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
  // Records that a query of audit_records has returned.
  [[nodiscard]] std::vector<AuditRecord> read_records(const Rows& rows) const;
  void adopt(Transaction& tx, std::int64_t id) const;

  Database& database_;
  const Authority& authority_;
};

}  // namespace agent_secrets::control_plane
