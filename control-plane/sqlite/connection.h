#pragma once
// One SQLite database file behind one connection and one mutex: the adapter through which the
// stores and the keys see SQLite. It owns what must be the same everywhere: the pragmas (WAL,
// synchronous=FULL, foreign_keys, secure_delete, a busy timeout of 5 s), file mode 0600, room on
// the disk for what is committed, one transaction a call, prepared statements kept, and exceptions
// turned into Errors.
//
//   return connection.write("add region", [&]() -> Result<void> {
//     connection.query("INSERT INTO regions VALUES (?, ?)", code, name).run();
//     return {};
//   });
//
// Threads: read() and write() are safe from several and run one at a time; query() and execute()
// only inside them. Source: sqlite.org/wal.html, /pragma.html, /lang_transaction.html.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "control-plane/database/disk_reserve.h"
#include "core/error.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace agent_secrets::control_plane {

// A prepared statement, and whether a SqliteQuery runs it right now.
struct PreparedStatement {
  std::unique_ptr<SQLite::Statement> statement;
  bool in_use = false;
};

// One run of a prepared statement: reset when it goes. Throws SQLite's exceptions, which the
// transaction around it converts.
class SqliteQuery {
 public:
  explicit SqliteQuery(PreparedStatement& prepared);
  template <typename... Arguments>
  explicit SqliteQuery(PreparedStatement& prepared, const Arguments&... arguments)
      : SqliteQuery(prepared) {
    int index = 0;
    (bind(++index, arguments), ...);
  }
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  bool step();  // true while there is a row
  int run();    // to its end; the number of rows changed

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::vector<std::uint8_t> blob(int column) const;
  // A public key; all zeros, which verifies and opens nothing, when the column has another size.
  [[nodiscard]] std::array<std::uint8_t, 32> key(int column) const;
  [[nodiscard]] std::chrono::milliseconds time(int column) const {
    return std::chrono::milliseconds(integer(column));
  }
  [[nodiscard]] std::optional<std::chrono::milliseconds> optional_time(int column) const;

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view value);
  void bind(int index, std::span<const std::uint8_t> value);
  void bind(int index, std::chrono::milliseconds value) { bind(index, value.count()); }

  PreparedStatement& prepared_;
};

class SqliteConnection {
 public:
  // Creates the file, 0600, when it is not there. With a reserve, ordinary writes leave it whole,
  // and urgent ones may use it. So may opening, and reads: the first one of all processes makes
  // SQLite's -shm file.
  static Result<std::unique_ptr<SqliteConnection>> open(
      const std::string& path, std::unique_ptr<DiskReserve> reserve = nullptr);
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  [[nodiscard]] const std::string& path() const { return path_; }

  // Runs `work`, which returns a Result, in one transaction: committed when it succeeds, rolled
  // back when it fails or throws. `write` takes the write lock first (BEGIN IMMEDIATE), so what it
  // reads is still true when it commits. An error of `work` passes unchanged; one of SQLite gets
  // `clause`. On a full disk the code is ErrorCode::out_of_space, and the `work` of an urgent write
  // or of a read may run a second time.
  template <typename Work>
  std::invoke_result_t<Work> write(std::string_view clause, const Work& work) {
    return run_in_transaction(Transaction::write, clause, work);
  }
  // For a revocation, a deletion, and what carries them to a region. Nothing that makes a database
  // grow with each call: the reserve is small.
  template <typename Work>
  std::invoke_result_t<Work> write_urgently(std::string_view clause, const Work& work) {
    return run_in_transaction(Transaction::urgent_write, clause, work);
  }
  template <typename Work>
  std::invoke_result_t<Work> read(std::string_view clause, const Work& work) {
    return run_in_transaction(Transaction::read, clause, work);
  }

  // `sql` is a literal: its address finds the prepared statement. One run of it at a time.
  template <typename... Arguments>
  SqliteQuery query(const char* sql, const Arguments&... arguments) {
    return SqliteQuery(prepare(sql), arguments...);
  }
  void execute(const char* sql);  // several statements, no rows
  [[nodiscard]] std::int64_t last_insert_id() const;

  // Readers beside one writer (PRAGMA journal_mode = WAL). Changes the file, so migrate() asks for
  // it once it knows that the file's schema is ours.
  Result<void> use_write_ahead_log();

  // A consistent copy of a live database (SQLite's backup API), 0600, replacing PATH.
  Result<void> copy_to(const std::string& path);

 private:
  enum class Transaction { read, write, urgent_write };
  SqliteConnection(std::string path, std::unique_ptr<SQLite::Database> database,
                   std::unique_ptr<DiskReserve> reserve);
  PreparedStatement& prepare(const char* sql);
  Result<void> transact(Transaction kind, const std::function<bool()>& work);
  Result<void> attempt(Transaction kind, const std::function<bool()>& work);
  Result<void> keep_reserve_whole();
  void allocate_pages();
  void checkpoint();

  template <typename Work>
  std::invoke_result_t<Work> run_in_transaction(Transaction kind, std::string_view clause,
                                                const Work& work) {
    std::optional<std::invoke_result_t<Work>> result;
    auto outcome = transact(kind, [&] {
      result.emplace(work());
      return result->has_value();
    });
    if (!outcome) return propagate(outcome, clause);
    return std::move(*result);
  }

  std::string path_;
  std::mutex mutex_;
  std::unique_ptr<SQLite::Database> database_;
  std::map<const void*, PreparedStatement> statements_;
  std::unique_ptr<DiskReserve> reserve_;  // or none
};

}  // namespace agent_secrets::control_plane
