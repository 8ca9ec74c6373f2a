#pragma once
// One prepared statement of one SQLite connection, kept for many runs.
//
// A run binds the caller's memory without copying it, reads all rows, and resets the statement
// however it ends, so that the statement holds no lock and no pointer afterwards.
//
// Threads: those of the connection. Source: sqlite.org/c3ref/bind_blob.html (SQLITE_STATIC),
// /c3ref/column_blob.html.

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/rows.h"
#include "control-plane/database/transaction.h"

struct sqlite3;
struct sqlite3_stmt;

namespace agent_secrets::control_plane {

class SqliteStatement {
 public:
  // Throws DatabaseFailure, as all functions here.
  SqliteStatement(sqlite3* connection, std::string_view text);

  Rows run(std::span<const Value> values);
  // The cells of each row, in the order of the columns.
  void run(std::span<const Value> values, const std::function<void(Rows::Cell)>& take);
  [[nodiscard]] std::size_t columns() const { return columns_->size(); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void bind(int index, const Value& value);

  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  Rows::Columns columns_;
};

}  // namespace agent_secrets::control_plane
