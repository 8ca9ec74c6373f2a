#include "control-plane/database/sqlite_database.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include "control-plane/database/failure.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

// Bounds how long the first of a batch waits for the work of the others.
constexpr std::size_t kBatchMax = 64;
// Each costs a few descriptors and some page cache; there are as many as threads that answer
// requests.
constexpr int kReadersMax = 4;

// SQLite would create the file with the umask's mode; its -wal and -shm take the mode of the file.
Result<void> create_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.is_open()) return {};
  const int error = errno;
  return fail(ErrorCode::failed, fmt::format("create {}: {}", path, errno_message(error)),
              error == ENOSPC ? "free space on the disk of the data directory"
                              : "check that this user may write the data directory and its files");
}

}  // namespace

// A reading connection, taken for one transaction and given back.
class SqliteDatabase::Reader {
 public:
  explicit Reader(SqliteDatabase& owner) : owner_(owner) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    const std::scoped_lock lock(owner_.readers_mutex_);
    if (session_ == nullptr) {
      --owner_.readers_;
    } else {
      owner_.free_readers_.push_back(std::move(session_));
    }
    owner_.reader_free_.notify_one();
  }

  // The connection that is free, or a new one; waits when all are in use.
  static Result<void> take(SqliteDatabase& owner, std::optional<Reader>& reader) {
    std::unique_lock lock(owner.readers_mutex_);
    owner.reader_free_.wait(
        lock, [&] { return !owner.free_readers_.empty() || owner.readers_ < kReadersMax; });
    if (!owner.free_readers_.empty()) {
      reader.emplace(owner).session_ = std::move(owner.free_readers_.back());
      owner.free_readers_.pop_back();
      return {};
    }
    ++owner.readers_;
    lock.unlock();
    reader.emplace(owner);
    auto opened = SqliteSession::open(owner.path_);
    if (!opened) return propagate(opened);
    reader->session_ = std::move(*opened);
    reader->session_->script("PRAGMA query_only = ON");
    return {};
  }
  [[nodiscard]] SqliteSession& session() { return *session_; }

 private:
  SqliteDatabase& owner_;
  std::unique_ptr<SqliteSession> session_;
};

SqliteDatabase::SqliteDatabase(std::string path, std::unique_ptr<SqliteSession> writer)
    : path_(std::move(path)), writer_(std::move(writer)) {}

SqliteDatabase::~SqliteDatabase() = default;

Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path) {
  if (auto created = create_private_file(path); !created) return propagate(created);
  auto writer = SqliteSession::open(path);
  if (!writer) return propagate(writer);
  return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(path, std::move(*writer)));
}

Result<void> SqliteDatabase::transact(Access access, const Body& body) {
  return access == Access::write ? transact_write(body) : transact_read(body);
}

Result<void> SqliteDatabase::transact_read(const Body& body) {
  // Another journal mode would make readers and the writer wait for each other.
  if (!write_ahead_log_) return transact_write(body);
  std::optional<Reader> reader;
  try {
    if (auto taken = Reader::take(*this, reader); !taken) return taken;
    SqliteSession& session = reader->session();
    session.script("BEGIN");
    try {
      body(session);
    } catch (...) {
      session.roll_back();
      throw;
    }
    session.roll_back();  // nothing was changed: this only ends the view
    return {};
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(failure.error());
  }
}

Result<void> SqliteDatabase::transact_write(const Body& body) {
  Waiting mine{.body = body};
  std::unique_lock lock(mutex_);
  queue_.push_back(&mine);
  while (!mine.done) {
    if (writing_) {
      turn_.wait(lock);
      continue;
    }
    writing_ = true;
    const auto end = queue_.begin() +
                     static_cast<std::ptrdiff_t>(std::min(queue_.size(), kBatchMax));
    const std::vector<Waiting*> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    lock.unlock();
    commit_together(batch);
    lock.lock();
    for (Waiting* waiting : batch) waiting->done = true;
    writing_ = false;
    turn_.notify_all();
  }
  lock.unlock();
  if (mine.exception) std::rethrow_exception(mine.exception);
  return std::move(mine.outcome);
}

void SqliteDatabase::commit_together(std::span<Waiting* const> batch) {
  if (batch.size() > 1 && try_together(batch)) return;
  for (Waiting* waiting : batch) commit_alone(*waiting);
}

void SqliteDatabase::commit_alone(Waiting& waiting) {
  waiting.outcome = {};
  waiting.exception = nullptr;
  try {
    writer_->script("BEGIN IMMEDIATE");
    if (waiting.body(*writer_)) writer_->script("COMMIT");
  } catch (const DatabaseFailure& failure) {
    waiting.outcome = std::unexpected(failure.error());
  } catch (...) {
    waiting.exception = std::current_exception();
  }
  writer_->roll_back();  // nothing is left to undo after a COMMIT
}

// False: nothing of the batch is in the database, and each has to be tried alone.
bool SqliteDatabase::try_together(std::span<Waiting* const> batch) {
  try {
    writer_->script("BEGIN IMMEDIATE");
  } catch (const DatabaseFailure& failure) {
    // Another process holds the file, and the wait for it is over: a second wait helps nobody.
    for (Waiting* waiting : batch) waiting->outcome = std::unexpected(failure.error());
    return true;
  }
  try {
    for (Waiting* waiting : batch) {
      run_in_savepoint(*waiting);
      // SQLite rolls the whole transaction back by itself on some errors, such as a full disk.
      if (!writer_->in_transaction()) return false;
    }
    writer_->script("COMMIT");
    return true;
  } catch (const DatabaseFailure&) {
    writer_->roll_back();
    return false;
  }
}

void SqliteDatabase::run_in_savepoint(Waiting& waiting) {
  try {
    writer_->script("SAVEPOINT work");
    const bool keep = waiting.body(*writer_);
    writer_->script(keep ? "RELEASE work" : "ROLLBACK TO work; RELEASE work");
    return;
  } catch (const DatabaseFailure& failure) {
    waiting.outcome = std::unexpected(failure.error());
  } catch (...) {
    waiting.exception = std::current_exception();
  }
  if (writer_->in_transaction()) writer_->script("ROLLBACK TO work; RELEASE work");
}

Result<int> SqliteDatabase::schema_version() {
  return write("read schema version", [](Transaction& tx) -> Result<int> {
    return static_cast<int>(tx.query("PRAGMA user_version").front().integer("user_version"));
  });
}

// Reads the version again inside the transaction: another process may have been quicker.
Result<void> SqliteDatabase::migrate_to(int version, const char* script) {
  return write(fmt::format("schema {}", version), [&](Transaction& tx) -> Result<void> {
    const auto found = tx.query("PRAGMA user_version").front().integer("user_version");
    if (found >= version) return {};
    writer_->script(script);
    writer_->script(fmt::format("PRAGMA user_version = {}", version).c_str());
    return {};
  });
}

Result<void> SqliteDatabase::use_write_ahead_log() {
  const std::scoped_lock lock(mutex_);
  try {
    writer_->script("PRAGMA journal_mode = WAL");
    write_ahead_log_ = true;
    return {};
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(Error(failure.error()).within("open " + path_));
  }
}

Result<void> SqliteDatabase::copy_to(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail(ErrorCode::failed, fmt::format("remove {}: {}", path, errno_message(errno)));
  }
  if (auto created = create_private_file(path); !created) return created;
  auto source = SqliteSession::open(path_);
  if (!source) return propagate(source);
  try {
    SQLite::Database copy(path, SQLite::OPEN_READWRITE);
    SQLite::Backup(copy, (*source)->handle()).executeStep(-1);
    return {};
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(sqlite_error(exception).within("write " + path));
  }
}

}  // namespace agent_secrets::control_plane
