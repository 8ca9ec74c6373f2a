#pragma once
// One connection to one SQLite file: the pragmas that must be the same everywhere (synchronous=FULL,
// foreign_keys, secure_delete, a busy timeout of 5 s), prepared statements kept for the next use,
// and SQLite's exceptions turned into DatabaseFailure.
//
// Threads: one at a time; the SqliteDatabase that owns it sees to that.
// Source: sqlite.org/pragma.html, /lang_transaction.html, /lang_savepoint.html.

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace SQLite {
class Database;
class Exception;
class Statement;
}  // namespace SQLite

namespace agent_secrets::control_plane {

// SQLite's messages name tables and columns, never bound values. The hint depends on the code.
Error sqlite_error(const SQLite::Exception& exception);

class SqliteSession final : public Transaction {
 public:
  // The file must be there.
  static Result<std::unique_ptr<SqliteSession>> open(const std::string& path);
  ~SqliteSession() override;

  // Several statements without parameters and rows: pragmas, migrations, BEGIN, COMMIT.
  void script(const char* sql);
  // ROLLBACK, where a transaction is open; SQLite has ended it already after some errors.
  void roll_back() noexcept;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] SQLite::Database& handle() { return *database_; }

 private:
  explicit SqliteSession(std::unique_ptr<SQLite::Database> database);
  Answer run_statement(const Sql& sql, std::span<const Value> values) override;
  SQLite::Statement& prepare(std::string_view text);

  std::unique_ptr<SQLite::Database> database_;
  // By text; a Sql's text lives as long as the program.
  std::unordered_map<std::string_view, std::unique_ptr<SQLite::Statement>> statements_;
};

}  // namespace agent_secrets::control_plane
