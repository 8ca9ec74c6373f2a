#pragma once
// A PostgreSQL database, 15 or later, through a small pool of connections (postgres_pool.h).
//
// Writes are SERIALIZABLE: each behaves as if it had the database for itself, as with SQLite's one
// writer. When two of them conflict the server refuses one, and its work runs again after a random
// pause, at most kAttemptsMax times. Without a connection it runs again kConnectsMax times. Reads
// see one snapshot and cannot write.
//
// PostgreSQL detects conflicts by index pages, so in a small database nearly any two concurrent
// writes conflict. Therefore the writes of one process are committed in groups, one group after the
// other (database/write_groups.h). A group is one transaction, with a savepoint for each write. The
// changes of a write are sent with the first statements of the next write, and those of the last
// write with COMMIT. If the server refuses a statement, each write of the group runs again in a
// transaction of its own. An urgent write has its own transaction and does not wait for a group. So
// a group conflicts only with urgent writes and with writes of other processes.
//
// A connection that breaks before COMMIT was sent costs nothing: the work runs again on another
// connection. When the answer to COMMIT is lost, the server is asked what became of the
// transaction (pg_xact_status), so no write is done twice and none that was done is reported as
// failed. While the server cannot be reached, a call fails with ErrorCode::unavailable after
// kPatience. There is no disk reserve: an urgent write is a write.
//
// After a failover that lost commits, the new server may not know the transaction, and the call
// fails; or it has given the id to another transaction, and answers about that transaction.
// Synchronous replication prevents both.
//
// Source: postgresql.org/docs/15/transaction-iso.html#XACT-SERIALIZABLE, /mvcc-serialization-
// failure-handling.html, /functions-info.html#FUNCTIONS-PG-SNAPSHOT.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control-plane/database/database.h"
#include "control-plane/database/notice_queue.h"
#include "control-plane/database/postgres_options.h"
#include "control-plane/database/postgres_pool.h"
#include "control-plane/database/write_groups.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class PostgresDatabase final : public Database {
 public:
  static constexpr int kAttemptsMax = 50;
  // Lower, because a server that cannot be reached is not back so soon, and callers wait.
  static constexpr int kConnectsMax = 20;
  static constexpr std::chrono::seconds kPatience{5};

  // Connects once, so that a wrong URL is an error here.
  static Result<std::unique_ptr<PostgresDatabase>> open(PostgresOptions options);

  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler heard, const Log& log) override;
  [[nodiscard]] WriteCounts write_counts() const override { return groups_.counts(); }
  // For migrations, which use no other transaction of this class (database/migrations.h).
  [[nodiscard]] PostgresPool& pool() { return pool_; }

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  using Work = std::function<bool(PostgresSession&)>;  // true: commit
  struct Attempt {
    Result<void> outcome;
    bool may_run_again = false;
  };

  explicit PostgresDatabase(PostgresOptions options)
      : pool_(std::move(options)), groups_([this](WriteGroups::Group group) { commit(group); }) {}
  Result<void> transact(TransactionKind kind, const TransactionBody& body) override;
  void send_notice(std::string_view notice) override { notices_.add(notice); }
  void commit(WriteGroups::Group group);
  void run_alone(WriteGroups::Waiting& waiting);
  Result<void> run(PostgresSession::Isolation isolation, const Work& work);
  Attempt attempt(PostgresSession::Isolation isolation, const Work& work, Deadline deadline);
  Attempt settle(const std::string& transaction_id);
  Result<std::string> transaction_status(const std::string& transaction_id, Deadline deadline);

  PostgresPool pool_;
  WriteGroups groups_;
  NoticeQueue notices_;  // the listener sends them
};

}  // namespace agent_secrets::control_plane
