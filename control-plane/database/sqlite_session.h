#pragma once
// One connection to one SQLite file: the pragmas that must be the same everywhere
// (synchronous=FULL, foreign_keys, secure_delete, a busy timeout of 5 s), prepared statements kept
// for the next use, and SQLite's exceptions turned into DatabaseFailure.
//
// Threads: one at a time; the SqliteWriter or SqliteReaders that owns it sees to that.
// Source: sqlite.org/pragma.html, /lang_transaction.html.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control-plane/database/sqlite_statement.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace SQLite {
class Database;
}  // namespace SQLite

namespace agent_secrets::control_plane {

class SqliteSession final : public Transaction {
 public:
  // The file must be there. Errors: as sqlite_error() says (database/sqlite_failure.h).
  static Result<std::unique_ptr<SqliteSession>> open(const std::string& path,
                                                     const char* more_pragmas = "");
  ~SqliteSession() override;

  // Several statements without parameters and rows, such as pragmas and migrations.
  void script(const char* sql);
  // One statement that runs again and again, such as BEGIN. It is kept prepared, so `text` must be
  // a literal.
  void control(std::string_view text) { (void)run_text(text, {}); }
  // For statements whose text is built from the schema (database/tables.h). The `text` of change()
  // must outlive the session. A batch has the cells of its rows, one row after the other.
  void change(std::string_view text, std::span<const Value> values);
  void read_in_batches(const std::string& text, std::size_t rows_at_once,
                       const std::function<void(const std::vector<Rows::Cell>&)>& take);
  // COMMIT, after the file has got the room that the transaction needs in it.
  void commit();
  // ROLLBACK, if a transaction is open: after some errors SQLite has ended it already.
  void roll_back() noexcept;
  [[nodiscard]] bool in_transaction() const;
  // Moves what the write-ahead log holds into the file, as far as readers allow.
  void checkpoint() noexcept;
  // A consistent copy, into a file that is there and empty (sqlite.org/backup.html).
  void copy_to(const std::string& path);

 private:
  explicit SqliteSession(std::unique_ptr<SQLite::Database> database);
  Answer run_statement(const Sql& sql, std::span<const Value> values) override;
  Answer run_text(std::string_view text, std::span<const Value> values);
  SqliteStatement& prepare(std::string_view text);
  void allocate_pages();

  std::unique_ptr<SQLite::Database> database_;
  // By text, which lives as long as the program (database/sql.h).
  std::unordered_map<std::string_view, SqliteStatement> statements_;
};

}  // namespace agent_secrets::control_plane
