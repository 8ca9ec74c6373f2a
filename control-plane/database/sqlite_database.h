#pragma once
// One SQLite file: one connection that writes, a few that read beside it (write-ahead log).
//
// Group commit. A durable commit waits for the disk (fsync), and while one waits, other writes
// arrive. They are committed together: the thread whose turn it is runs the work of all who wait,
// each in a savepoint of its own, so that one that fails takes no other along. One commit makes
// them durable; only then does any of them return. When the commit as a whole fails, as on a full
// disk, each is tried alone.
//
// Files are made with mode 0600. A copy of the file must include FILE-wal.
// Source: sqlite.org/wal.html, /lang_savepoint.html.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "control-plane/database/database.h"
#include "control-plane/database/sqlite_session.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class SqliteDatabase final : public Database {
 public:
  // Creates the file when it is not there.
  static Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path);
  ~SqliteDatabase() override;

  [[nodiscard]] Dialect dialect() const override { return Dialect::sqlite; }
  [[nodiscard]] const std::string& name() const override { return path_; }

  // One transaction of several statements, and the number that it raises: a step of a migration.
  // Does nothing when the schema is at `version` or above.
  Result<void> migrate_to(int version, const char* script);
  Result<int> schema_version();
  // Lets readers work beside the writer. Changes the file, so it is asked for once the file is known
  // to be ours.
  Result<void> use_write_ahead_log();
  // A consistent copy of a live database, 0600, replacing `path` (sqlite.org/backup.html).
  Result<void> copy_to(const std::string& path);

 private:
  // One caller of write(), who sleeps until it is done.
  struct Waiting {
    const Body& body;
    Result<void> outcome = {};
    std::exception_ptr exception = nullptr;
    bool done = false;
  };
  class Reader;

  SqliteDatabase(std::string path, std::unique_ptr<SqliteSession> writer);
  Result<void> transact(Access access, const Body& body) override;
  Result<void> transact_write(const Body& body);
  Result<void> transact_read(const Body& body);
  // On the writing connection, by the thread whose turn it is.
  void commit_together(std::span<Waiting* const> batch);
  void commit_alone(Waiting& waiting);
  bool try_together(std::span<Waiting* const> batch);
  void run_in_savepoint(Waiting& waiting);

  const std::string path_;

  std::mutex mutex_;
  std::condition_variable turn_;
  std::deque<Waiting*> queue_;   // those that no thread has taken up
  bool writing_ = false;         // a thread uses writer_
  std::unique_ptr<SqliteSession> writer_;

  std::mutex readers_mutex_;
  std::condition_variable reader_free_;
  std::vector<std::unique_ptr<SqliteSession>> free_readers_;
  int readers_ = 0;  // free or in use
  bool write_ahead_log_ = false;
};

}  // namespace agent_secrets::control_plane
