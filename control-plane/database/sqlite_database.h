#pragma once
// One SQLite file: one connection that writes, with group commit (database/sqlite_writer.h), and a
// few that read beside it (database/sqlite_readers.h).
//
// Files are made with mode 0600. A copy of the file must include FILE-wal.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control-plane/database/database.h"
#include "control-plane/database/disk_reserve.h"
#include "control-plane/database/sqlite_readers.h"
#include "control-plane/database/sqlite_writer.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class SqliteDatabase final : public Database {
 public:
  // Creates the file when it is not there. With a reserve, opening may use it, as urgent writes and
  // reads may: the first process makes SQLite's -shm file.
  static Result<std::unique_ptr<SqliteDatabase>> open(
      const std::string& path, std::unique_ptr<DiskReserve> reserve = nullptr);

  [[nodiscard]] const std::string& path() const { return path_; }
  // Null: a data directory has one server.
  Result<std::unique_ptr<NoticeListener>> listen(NoticeHandler /*heard*/,
                                                 const Log& /*log*/) override {
    return nullptr;
  }
  [[nodiscard]] WriteCounts write_counts() const override { return writer_.write_counts(); }

  // The rest is for database/migrations.h, before there are threads.

  Result<int> schema_version();
  // Runs the statements of `script` and raises the version to `version`, in one transaction; does
  // nothing when the schema has this version already.
  Result<void> migrate_to(int version, std::string_view name, const char* script);
  // Lets readers work beside the writer. Changes the file, so the schema must be known as ours.
  Result<void> use_write_ahead_log();
  // A consistent copy of the live database, 0600, replacing `path`.
  Result<void> copy_to(const std::string& path);

 private:
  SqliteDatabase(std::string path, std::unique_ptr<SqliteSession> writer,
                 std::unique_ptr<DiskReserve> reserve);
  Result<void> transact(TransactionKind kind, const TransactionBody& body) override;

  const std::string path_;
  SqliteWriter writer_;
  // None in another journal mode, where readers and the writer would wait for each other.
  std::optional<SqliteReaders> readers_;
};

}  // namespace agent_secrets::control_plane
