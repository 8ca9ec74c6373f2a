#pragma once
// The one connection that writes a SQLite file.
//
// Writes that wait together are committed in a group (database/write_groups.h). The work of each
// write runs in its own savepoint, so work that fails undoes only its own changes. One commit makes
// the group durable, and only then does each write return. If the group as a whole fails, as on a
// full disk, each write runs again in its own transaction.
//
// On a full disk ordinary writes leave the disk reserve whole, and urgent writes may use it
// (database/disk_reserve.h): an urgent write that finds no room runs again with the freed room. So
// does a read that comes here, because the first read of all processes makes SQLite's -shm file.
//
// Threads: run() is safe from several. The work may run on another caller's thread.
// Source: sqlite.org/lang_savepoint.html, /lang_transaction.html ("Response To Errors").

#include <memory>

#include "control-plane/database/disk_reserve.h"
#include "control-plane/database/sqlite_session.h"
#include "control-plane/database/transaction.h"
#include "control-plane/database/write_groups.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class SqliteWriter {
 public:
  // Without a reserve nothing is kept for urgent writes.
  SqliteWriter(std::unique_ptr<SqliteSession> session, std::unique_ptr<DiskReserve> reserve);

  Result<void> run(TransactionKind kind, const TransactionBody& body) {
    return groups_.run(kind, body);
  }
  [[nodiscard]] WriteCounts write_counts() const { return groups_.counts(); }
  // Only where no other thread uses this object, or inside the work of run().
  SqliteSession& session() { return *session_; }

 private:
  using Waiting = WriteGroups::Waiting;
  using Group = WriteGroups::Group;

  // Only the thread that commits a group calls these functions. They store errors as outcomes.
  void commit(Group group);
  bool try_together(Group group);
  bool run_in_savepoint(Waiting& waiting);
  void run_alone(Waiting& waiting);
  void attempt(Waiting& waiting);
  Result<void> keep_reserve_whole(TransactionKind kind);

  std::unique_ptr<SqliteSession> session_;
  std::unique_ptr<DiskReserve> reserve_;  // or none
  WriteGroups groups_;
};

}  // namespace agent_secrets::control_plane
