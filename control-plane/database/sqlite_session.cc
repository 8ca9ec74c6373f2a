#include "control-plane/database/sqlite_session.h"

#include <exception>
#include <utility>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "control-plane/database/failure.h"
#include "control-plane/database/sqlite_failure.h"

namespace agent_secrets::control_plane {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr int kGrowthStep = 65536;  // of a database file, in bytes

// Runs a call of SQLiteCpp, whose exceptions leave as DatabaseFailure. `connection` is the one that
// it fails on, or null.
template <typename Call>
auto guarded(sqlite3* connection, const Call& call) {
  try {
    return call();
  } catch (const SQLite::Exception& exception) {
    throw DatabaseFailure(sqlite_error(exception, connection));
  }
}

// Otherwise SQLite counts the memory of all connections under one mutex, for which the threads wait
// (sqlite.org/malloc.html). It has an effect before the first connection only.
void count_no_memory() {
  static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)done;
}

}  // namespace

SqliteSession::SqliteSession(std::unique_ptr<SQLite::Database> database)
    : database_(std::move(database)) {}

SqliteSession::~SqliteSession() = default;

Result<std::unique_ptr<SqliteSession>> SqliteSession::open(const std::string& path,
                                                           const char* more_pragmas) {
  count_no_memory();
  try {
    auto database = std::make_unique<SQLite::Database>(
        path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX, kBusyTimeoutMs);
    database->exec(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
        "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
    database->exec(more_pragmas);
    int step = kGrowthStep;
    sqlite3_file_control(database->getHandle(), "main", SQLITE_FCNTL_CHUNK_SIZE, &step);
    return std::unique_ptr<SqliteSession>(new SqliteSession(std::move(database)));
  } catch (const SQLite::Exception& exception) {
    return std::unexpected(sqlite_error(exception, nullptr).within("open " + path));
  }
}

void SqliteSession::script(const char* sql) {
  guarded(database_->getHandle(), [&] { database_->exec(sql); });
}

bool SqliteSession::in_transaction() const {
  return sqlite3_get_autocommit(database_->getHandle()) == 0;
}

void SqliteSession::roll_back() noexcept {
  if (!in_transaction()) return;
  try {
    control("ROLLBACK");
  } catch (const std::exception&) {
    return;  // the next transaction of this connection reports that this one has not ended
  }
}

void SqliteSession::commit() {
  allocate_pages();
  control("COMMIT");
}

// What a transaction adds to the log comes into the database at a checkpoint. Without room there
// the log would grow at each write, and a checkpoint during a revocation would take the room that
// the reserve has just freed. So the database grows before the transaction is committed, or the
// transaction fails. Source: sqlite.org/c3ref/c_fcntl_begin_atomic_write.html (SIZE_HINT).
void SqliteSession::allocate_pages() {
  sqlite3_int64 size = query("PRAGMA page_count").front().integer("page_count") *
                       query("PRAGMA page_size").front().integer("page_size");
  const int grown =
      sqlite3_file_control(database_->getHandle(), "main", SQLITE_FCNTL_SIZE_HINT, &size);
  if (grown == SQLITE_OK) return;
  const SQLite::Exception full(sqlite3_errstr(SQLITE_FULL), SQLITE_FULL);
  throw DatabaseFailure(sqlite_error(full, nullptr));
}

void SqliteSession::checkpoint() noexcept {
  (void)database_->tryExec("PRAGMA wal_checkpoint(PASSIVE)");
}

void SqliteSession::copy_to(const std::string& path) {
  guarded(nullptr, [&] {
    SQLite::Database copy(path, SQLite::OPEN_READWRITE);
    SQLite::Backup(copy, *database_).executeStep(-1);
  });
}

SqliteStatement& SqliteSession::prepare(std::string_view text) {
  return statements_.try_emplace(text, database_->getHandle(), text).first->second;
}

Transaction::Answer SqliteSession::run_statement(const Sql& sql, std::span<const Value> values) {
  return run_text(sql.sqlite(), values);
}

Transaction::Answer SqliteSession::run_text(std::string_view text, std::span<const Value> values) {
  Answer answer{.rows = prepare(text).run(values)};
  answer.changed = sqlite3_changes64(database_->getHandle());
  return answer;
}

void SqliteSession::change(std::string_view text, std::span<const Value> values) {
  (void)run_text(text, values);
}

void SqliteSession::read_in_batches(
    const std::string& text, std::size_t rows_at_once,
    const std::function<void(const std::vector<Rows::Cell>&)>& take) {
  SqliteStatement statement(database_->getHandle(), text);
  std::vector<Rows::Cell> batch;
  statement.run({}, [&](Rows::Cell cell) {
    batch.push_back(std::move(cell));
    if (batch.size() < rows_at_once * statement.columns()) return;
    take(batch);
    batch.clear();
  });
  if (!batch.empty()) take(batch);
}

}  // namespace agent_secrets::control_plane
