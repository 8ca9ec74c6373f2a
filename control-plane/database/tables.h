#pragma once
// All tables of one database, for copying them (database/table_copy.h). Their names and columns are
// read from the schema, so a table that a later migration adds is copied too.
//
// The object is one transaction. Either it locks all tables: until it is committed or destroyed,
// other connections can read the tables but cannot write to them, and without commit() nothing is
// changed. Or it only reads them, all as they were at one moment, while other connections write.
//
// Memory: rows are read and inserted in batches of at most limits::kCopiedRows.
//
// A statement that fails throws DatabaseFailure, which guarded() converts to an Error.
// Threads: one at a time.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "control-plane/database/failure.h"
#include "control-plane/database/postgres_options.h"
#include "control-plane/database/rows.h"
#include "control-plane/database/transaction.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// In SQLite this implicit column numbers the rows of a table in the order of insertion. In
// PostgreSQL only tables whose order matters have a column of this name.
inline constexpr const char* kRowNumber = "rowid";

struct Table {
  std::string name;
  std::vector<std::string> columns;  // sorted
  bool has_row_numbers = false;      // kRowNumber can be read and inserted, but is not in `columns`
};

// The values of several rows, one row after the other, in the order of the table's columns.
using Cells = std::vector<Rows::Cell>;

class Tables {
 public:
  Tables() = default;
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;
  virtual ~Tables() = default;

  // For statements on tables that the caller knows.
  [[nodiscard]] virtual Transaction& transaction() = 0;
  // The number of the last migration.
  [[nodiscard]] virtual int schema_version() = 0;
  // Lists the tables in an order in which rows can be inserted. Leaves out views and the table of
  // migrations.
  [[nodiscard]] virtual std::vector<Table> list() = 0;

  // `table` gives the columns, and their order in a row.
  virtual void read(const Table& table, const std::function<void(const Cells&)>& take) = 0;
  virtual void insert(const Table& table, const Cells& cells) = 0;
  virtual void remove_rows(const Table& table) = 0;

  // Returns the highest id that each table has used, also for rows that are deleted. Only tables
  // whose ids are never used again have an entry.
  [[nodiscard]] virtual std::map<std::string, std::int64_t> last_ids() = 0;
  // Makes the next id of each table higher than the given id and than the ids of its rows.
  virtual void raise_last_ids(const std::map<std::string, std::int64_t>& ids) = 0;

  virtual void commit() = 0;

  // Of tables that are only read: the name of their moment, for read_postgres_tables(). Empty on
  // SQLite.
  [[nodiscard]] virtual std::string moment() = 0;
};

// Runs work that returns a Result. A DatabaseFailure becomes an Error with the clause.
template <typename Work>
std::invoke_result_t<Work> guarded(std::string_view clause, const Work& work) {
  try {
    return work();
  } catch (const DatabaseFailure& failure) {
    return std::unexpected(Error(failure.error()).within(clause));
  }
}

// The file, or the schema of the options, must exist. Fails if another connection blocks the lock
// for longer than a few seconds.
Result<std::unique_ptr<Tables>> open_sqlite_tables(const std::string& path);
Result<std::unique_ptr<Tables>> open_postgres_tables(const PostgresOptions& options);

// For reading. The file has a write-ahead log, in which a reader and a writer do not wait for each
// other (sqlite.org/wal.html).
Result<std::unique_ptr<Tables>> read_sqlite_tables(const std::string& path);
// With the moment() of other tables of the same server, which must still be open, the schema is
// read as it was at that moment. Source: postgresql.org/docs/15/sql-set-transaction.html, SNAPSHOT.
Result<std::unique_ptr<Tables>> read_postgres_tables(const PostgresOptions& options,
                                                     std::string_view moment = {});

// For the two implementations.

// Returns the names in quotes: "a", "b".
std::string quoted_names(const std::vector<std::string>& names);
// Returns the parameters of one INSERT for each row. They refer to `cells`.
std::vector<std::vector<Value>> parameters_of(const Cells& cells, std::size_t columns);

}  // namespace agent_secrets::control_plane
