#include "control-plane/sqlite/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int kGrowthStep = 65536;  // of a database file, in bytes

std::string hint_for(int sqlite_code) {
  switch (sqlite_code) {
    case SQLITE_FULL:
      return "free space on the disk of the data directory";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "check that this user may write the data directory and its files";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds the database; try again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore the data directory from a backup";
    default:
      return {};
  }
}

// Also past a quota of the file system, and where a -shm file finds no room.
bool is_lack_of_room(const SQLite::Exception& exception, sqlite3* database) {
  if (exception.getErrorCode() == SQLITE_FULL) return true;
  if (exception.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE) return true;
  if (exception.getErrorCode() != SQLITE_IOERR && exception.getErrorCode() != SQLITE_CANTOPEN) {
    return false;
  }
  const int error = database == nullptr ? 0 : sqlite3_system_errno(database);
  return error == ENOSPC || error == EDQUOT;
}

// SQLite's messages name tables and columns, never bound values.
Error to_error(const SQLite::Exception& exception, sqlite3* database = nullptr) {
  const bool no_room = is_lack_of_room(exception, database);
  return Error{.code = no_room ? ErrorCode::out_of_space : ErrorCode::failed,
               .message = exception.what(),
               .hint = hint_for(no_room ? SQLITE_FULL : exception.getErrorCode())};
}

// SQLite would create it with the umask's mode; its -wal and -shm take the mode of the file.
Result<void> create_private_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) {
    const int error = errno;
    return fail(ErrorCode::failed, fmt::format("create {}: {}", path, errno_message(error)),
                error == ENOSPC ? hint_for(SQLITE_FULL) : hint_for(SQLITE_CANTOPEN));
  }
  return {};
}

Result<std::unique_ptr<SQLite::Database>> open_database(const std::string& path) {
  try {
    auto database = std::make_unique<SQLite::Database>(
        path, SQLite::OPEN_READWRITE | SQLite::OPEN_FULLMUTEX, kBusyTimeoutMs);
    database->exec(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
        "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    int chunk = kGrowthStep;
    sqlite3_file_control(database->getHandle(), "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    return database;
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(to_error(exception));
  }
}

}  // namespace

SqliteQuery::SqliteQuery(PreparedStatement& prepared) : prepared_(prepared) {
  AGENT_SECRETS_ASSERT(!prepared.in_use);
  prepared_.statement->tryReset();
  prepared_.in_use = true;
}

SqliteQuery::~SqliteQuery() {
  prepared_.statement->tryReset();
  prepared_.in_use = false;
}

void SqliteQuery::bind(int index, std::int64_t value) { prepared_.statement->bind(index, value); }

void SqliteQuery::bind(int index, std::string_view value) {
  prepared_.statement->bind(index, std::string(value));
}

void SqliteQuery::bind(int index, std::span<const std::uint8_t> value) {
  prepared_.statement->bind(index, value.data(), static_cast<int>(value.size()));
}

bool SqliteQuery::step() { return prepared_.statement->executeStep(); }

int SqliteQuery::run() {
  while (step()) {
  }
  return prepared_.statement->getChanges();
}

std::int64_t SqliteQuery::integer(int column) const {
  return prepared_.statement->getColumn(column).getInt64();
}

std::string SqliteQuery::text(int column) const {
  return prepared_.statement->getColumn(column).getString();
}

std::vector<std::uint8_t> SqliteQuery::blob(int column) const {
  const SQLite::Column value = prepared_.statement->getColumn(column);
  const auto* bytes = static_cast<const std::uint8_t*>(value.getBlob());
  return bytes == nullptr ? std::vector<std::uint8_t>{}
                          : std::vector<std::uint8_t>(bytes, bytes + value.getBytes());
}

std::array<std::uint8_t, 32> SqliteQuery::key(int column) const {
  std::array<std::uint8_t, 32> key{};
  const auto bytes = blob(column);
  if (bytes.size() == key.size()) std::ranges::copy(bytes, key.begin());
  return key;
}

std::optional<std::chrono::milliseconds> SqliteQuery::optional_time(int column) const {
  if (prepared_.statement->isColumnNull(column)) return std::nullopt;
  return time(column);
}

SqliteConnection::SqliteConnection(std::string path, std::unique_ptr<SQLite::Database> database,
                                   std::unique_ptr<DiskReserve> reserve)
    : path_(std::move(path)), database_(std::move(database)), reserve_(std::move(reserve)) {}

SqliteConnection::~SqliteConnection() = default;

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(
    const std::string& path, std::unique_ptr<DiskReserve> reserve) {
  if (auto created = create_private_file(path); !created) return propagate(created);
  auto database = open_database(path);
  if (!database && database.error().code == ErrorCode::out_of_space && reserve != nullptr) {
    const DiskReserve::Spending spending = reserve->release();
    database = open_database(path);
  }
  if (!database) return propagate(database, "open " + path);
  return std::unique_ptr<SqliteConnection>(
      new SqliteConnection(path, std::move(*database), std::move(reserve)));
}

Result<void> SqliteConnection::use_write_ahead_log() {
  try {
    database_->exec("PRAGMA journal_mode = WAL");
    return {};
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(to_error(exception).within("open " + path_));
  }
}

PreparedStatement& SqliteConnection::prepare(const char* sql) {
  PreparedStatement& prepared = statements_[sql];
  if (prepared.statement == nullptr) {
    prepared.statement = std::make_unique<SQLite::Statement>(*database_, sql);
  }
  return prepared;
}

void SqliteConnection::execute(const char* sql) { database_->exec(sql); }

std::int64_t SqliteConnection::last_insert_id() const { return database_->getLastInsertRowid(); }

Result<void> SqliteConnection::transact(Transaction kind, const std::function<bool()>& work) {
  const std::scoped_lock lock(mutex_);
  if (kind == Transaction::write) {
    if (auto whole = keep_reserve_whole(); !whole) return whole;
  }
  auto done = attempt(kind, work);
  const bool no_room = !done && done.error().code == ErrorCode::out_of_space;
  if (!no_room || kind == Transaction::write || reserve_ == nullptr) return done;
  const DiskReserve::Spending spending = reserve_->release();
  done = attempt(kind, work);
  if (done) checkpoint();
  return done;
}

Result<void> SqliteConnection::attempt(Transaction kind, const std::function<bool()>& work) {
  try {
    SQLite::Transaction transaction(*database_, kind == Transaction::read
                                                    ? SQLite::TransactionBehavior::DEFERRED
                                                    : SQLite::TransactionBehavior::IMMEDIATE);
    if (work()) {
      if (kind != Transaction::read) allocate_pages();
      transaction.commit();
    }
    return {};
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(to_error(exception, database_->getHandle()));
  }
}

Result<void> SqliteConnection::keep_reserve_whole() {
  if (reserve_ == nullptr || reserve_->is_whole()) return {};
  if (reserve_->refill()) return {};
  return fail(ErrorCode::out_of_space,
              "the disk is full: only revocations and deletions are written",
              hint_for(SQLITE_FULL));
}

// What a transaction adds to the log comes into the database at a checkpoint. Without room there
// the log would grow at each write, and a checkpoint during a revocation would take the room that
// the reserve has just freed. So the database grows before the transaction is committed, or the
// transaction fails. Source: sqlite.org/c3ref/c_fcntl_begin_atomic_write.html (SIZE_HINT).
void SqliteConnection::allocate_pages() {
  auto pages = query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  pages.step();
  sqlite3_int64 size = pages.integer(0);
  const int grown =
      sqlite3_file_control(database_->getHandle(), "main", SQLITE_FCNTL_SIZE_HINT, &size);
  if (grown != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(SQLITE_FULL), SQLITE_FULL);
}

// The log keeps its size: the next writes go to its beginning, and find room there even if other
// programs have taken what the reserve freed.
void SqliteConnection::checkpoint() { (void)database_->tryExec("PRAGMA wal_checkpoint(PASSIVE)"); }

Result<void> SqliteConnection::copy_to(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return fail(ErrorCode::failed, fmt::format("remove {}: {}", path, errno_message(errno)));
  }
  if (auto created = create_private_file(path); !created) return created;
  const std::scoped_lock lock(mutex_);
  try {
    SQLite::Database copy(path, SQLite::OPEN_READWRITE);
    SQLite::Backup(copy, *database_).executeStep(-1);
    return {};
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(to_error(exception).within("write " + path));
  }
}

}  // namespace agent_secrets::control_plane
