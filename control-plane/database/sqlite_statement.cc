#include "control-plane/database/sqlite_statement.h"

#include <cstdint>
#include <utility>
#include <variant>

#include <SQLiteCpp/Exception.h>
#include <sqlite3.h>

#include "control-plane/database/failure.h"
#include "control-plane/database/sqlite_failure.h"

namespace agent_secrets::control_plane {
namespace {

void check(sqlite3* connection, int code) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  throw DatabaseFailure(sqlite_error(SQLite::Exception(connection, code), connection));
}

Rows::Columns names_of_columns(sqlite3_stmt* statement) {
  std::vector<std::string> names;
  const int count = sqlite3_column_count(statement);
  names.reserve(static_cast<std::size_t>(count));
  for (int column = 0; column < count; ++column) {
    names.emplace_back(sqlite3_column_name(statement, column));
  }
  return std::make_shared<const std::vector<std::string>>(std::move(names));
}

Rows::Cell cell_of(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      return std::monostate();
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, column));
      return bytes == nullptr ? std::vector<std::uint8_t>()
                              : std::vector<std::uint8_t>(
                                    bytes, bytes + sqlite3_column_bytes(statement, column));
    }
    default: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return text == nullptr ? std::string() : std::string(text, size);
    }
  }
}

class Reset {
 public:
  explicit Reset(sqlite3_stmt* statement) : statement_(statement) {}
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;
  ~Reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStatement::SqliteStatement(sqlite3* connection, std::string_view text)
    : connection_(connection) {
  sqlite3_stmt* statement = nullptr;
  check(connection_, sqlite3_prepare_v3(connection_, text.data(), static_cast<int>(text.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  statement_.reset(statement);
  columns_ = names_of_columns(statement);
}

void SqliteStatement::bind(int index, const Value& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate /*null*/) const { return sqlite3_bind_null(statement, index); }
    int operator()(std::int64_t number) const {
      return sqlite3_bind_int64(statement, index, number);
    }
    int operator()(bool flag) const { return sqlite3_bind_int(statement, index, flag ? 1 : 0); }
    // A null pointer would bind NULL, and an empty text or blob may have one.
    int operator()(std::string_view text) const {
      return sqlite3_bind_text64(statement, index, text.empty() ? "" : text.data(), text.size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(Value::Bytes bytes) const {
      const void* data = bytes.empty() ? static_cast<const void*>("") : bytes.data();
      return sqlite3_bind_blob64(statement, index, data, bytes.size(), SQLITE_STATIC);
    }
  };
  check(connection_, std::visit(Binder{statement_.get(), index}, value.content));
}

void SqliteStatement::run(std::span<const Value> values,
                          const std::function<void(Rows::Cell)>& take) {
  sqlite3_stmt* const statement = statement_.get();
  const Reset reset(statement);
  int index = 0;
  for (const Value& value : values) bind(++index, value);
  for (;;) {
    const int code = sqlite3_step(statement);
    check(connection_, code);
    if (code != SQLITE_ROW) return;
    for (int column = 0; column < static_cast<int>(columns()); ++column) {
      take(cell_of(statement, column));
    }
  }
}

Rows SqliteStatement::run(std::span<const Value> values) {
  Rows rows(columns_);
  run(values, [&rows](Rows::Cell cell) { rows.add(std::move(cell)); });
  return rows;
}

}  // namespace agent_secrets::control_plane
