#include "control-plane/database/sqlite_database.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "control-plane/database/failure.h"
#include "control-plane/database/sqlite_failure.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

// SQLite would create the file with the umask's mode; its -wal and -shm take the mode of the file.
Result<void> create_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.is_open()) return {};
  const int error = errno;
  return fail(ErrorCode::failed, fmt::format("create {}: {}", path, errno_message(error)),
              error == ENOSPC ? kFullDiskHint : kFileAccessHint);
}

}  // namespace

SqliteDatabase::SqliteDatabase(std::string path, std::unique_ptr<SqliteSession> writer,
                               std::unique_ptr<DiskReserve> reserve)
    : path_(std::move(path)), writer_(std::move(writer), std::move(reserve)) {}

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path,
                                                             std::unique_ptr<DiskReserve> reserve) {
  if (auto created = create_private_file(path); !created) return propagate(created);
  auto writer = SqliteSession::open(path);
  if (!writer && writer.error().code == ErrorCode::out_of_space && reserve != nullptr) {
    const DiskReserve::Spending spending = reserve->release();
    writer = SqliteSession::open(path);
  }
  if (!writer) return propagate(writer);
  return std::unique_ptr<SqliteDatabase>(
      new SqliteDatabase(path, std::move(*writer), std::move(reserve)));
}

Result<void> SqliteDatabase::transact(TransactionKind kind, const TransactionBody& body) {
  if (kind != TransactionKind::read || !readers_) return writer_.run(kind, body);
  auto done = readers_->run(body);
  // The writer may use the disk reserve.
  if (!done && done.error().code == ErrorCode::out_of_space) return writer_.run(kind, body);
  return done;
}

Result<int> SqliteDatabase::schema_version() {
  return read("read schema version", [](Transaction& tx) -> Result<int> {
    return static_cast<int>(tx.query("PRAGMA user_version").front().integer("user_version"));
  });
}

// Reads the version again inside the transaction: another process may have been quicker.
Result<void> SqliteDatabase::migrate_to(int version, std::string_view name, const char* script) {
  return write(fmt::format("migration {}", name), [&](Transaction& tx) -> Result<void> {
    const auto found = tx.query("PRAGMA user_version").front().integer("user_version");
    if (found >= version) return {};
    writer_.session().script(script);
    writer_.session().script(fmt::format("PRAGMA user_version = {}", version).c_str());
    return {};
  });
}

Result<void> SqliteDatabase::use_write_ahead_log() {
  try {
    writer_.session().script("PRAGMA journal_mode = WAL");
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(Error(failure.error()).within("open " + path_));
  }
  if (!readers_) readers_.emplace(path_);
  return {};
}

Result<void> SqliteDatabase::copy_to(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail(ErrorCode::failed, fmt::format("remove {}: {}", path, errno_message(errno)));
  }
  if (auto created = create_private_file(path); !created) return created;
  try {
    writer_.session().copy_to(path);
    return {};
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(Error(failure.error()).within("write " + path));
  }
}

}  // namespace agent_secrets::control_plane
