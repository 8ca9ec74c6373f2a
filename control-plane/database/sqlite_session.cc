#include "control-plane/database/sqlite_session.h"

#include <utility>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
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

void bind(SQLite::Statement& statement, int index, const Value& value) {
  struct Binder {
    SQLite::Statement& statement;
    int index;
    void operator()(std::monostate /*null*/) const { statement.bind(index); }
    void operator()(std::int64_t number) const { statement.bind(index, number); }
    void operator()(bool flag) const { statement.bind(index, flag ? 1 : 0); }
    void operator()(std::string_view text) const { statement.bind(index, std::string(text)); }
    // A null pointer would bind NULL, and empty bytes may have one.
    void operator()(Value::Bytes bytes) const {
      statement.bind(index, bytes.empty() ? static_cast<const void*>("") : bytes.data(),
                     static_cast<int>(bytes.size()));
    }
  };
  std::visit(Binder{statement, index}, value.content);
}

Rows::Cell cell_of(const SQLite::Column& column) {
  switch (column.getType()) {
    case SQLITE_NULL:
      return std::monostate();
    case SQLITE_INTEGER:
      return std::int64_t{column.getInt64()};
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::uint8_t*>(column.getBlob());
      return bytes == nullptr ? std::vector<std::uint8_t>()
                              : std::vector<std::uint8_t>(bytes, bytes + column.getBytes());
    }
    default:
      return column.getString();
  }
}

// Otherwise SQLite counts the memory of all connections under one mutex, for which the threads wait
// (sqlite.org/malloc.html). It has an effect before the first connection only.
void count_no_memory() {
  static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)done;
}

// Resets a statement however its run ends, so that it holds no lock.
class Run {
 public:
  explicit Run(SQLite::Statement& statement) : statement_(statement) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { statement_.tryReset(); }

 private:
  SQLite::Statement& statement_;
};

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
  if (in_transaction()) database_->tryExec("ROLLBACK");
}

void SqliteSession::commit() {
  allocate_pages();
  script("COMMIT");
}

// What a transaction adds to the log comes into the database at a checkpoint. Without room there
// the log would grow at each write, and a checkpoint during a revocation would take the room that
// the reserve has just freed. So the database grows before the transaction is committed, or the
// transaction fails. Source: sqlite.org/c3ref/c_fcntl_begin_atomic_write.html (SIZE_HINT).
void SqliteSession::allocate_pages() {
  sqlite3_int64 size = query(
                           "SELECT page_count * page_size AS bytes"
                           " FROM pragma_page_count, pragma_page_size")
                           .front()
                           .integer("bytes");
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

SQLite::Statement& SqliteSession::prepare(std::string_view text) {
  auto& statement = statements_[text];
  if (statement == nullptr) {
    statement = std::make_unique<SQLite::Statement>(*database_, text.data());
  }
  return *statement;
}

Transaction::Answer SqliteSession::run_statement(const Sql& sql, std::span<const Value> values) {
  return run_text(sql.sqlite(), values);
}

Transaction::Answer SqliteSession::run_text(std::string_view text, std::span<const Value> values) {
  return guarded(database_->getHandle(), [&] {
    SQLite::Statement& statement = prepare(text);
    const Run run(statement);
    int index = 0;
    for (const Value& value : values) bind(statement, ++index, value);
    std::vector<std::string> columns;
    columns.reserve(static_cast<std::size_t>(statement.getColumnCount()));
    for (int column = 0; column < statement.getColumnCount(); ++column) {
      columns.emplace_back(statement.getColumnName(column));
    }
    Answer answer{.rows = Rows(std::move(columns))};
    while (statement.executeStep()) {
      for (int column = 0; column < statement.getColumnCount(); ++column) {
        answer.rows.add(cell_of(statement.getColumn(column)));
      }
    }
    answer.changed = statement.getChanges();
    return answer;
  });
}

void SqliteSession::change(std::string_view text, std::span<const Value> values) {
  (void)run_text(text, values);
}

void SqliteSession::read_in_batches(
    const std::string& text, std::size_t rows_at_once,
    const std::function<void(const std::vector<Rows::Cell>&)>& take) {
  guarded(database_->getHandle(), [&] {
    SQLite::Statement statement(*database_, text);
    const auto columns = static_cast<std::size_t>(statement.getColumnCount());
    std::vector<Rows::Cell> batch;
    while (statement.executeStep()) {
      for (std::size_t column = 0; column < columns; ++column) {
        batch.push_back(cell_of(statement.getColumn(static_cast<int>(column))));
      }
      if (batch.size() < rows_at_once * columns) continue;
      take(batch);
      batch.clear();
    }
    if (!batch.empty()) take(batch);
  });
}

}  // namespace agent_secrets::control_plane
