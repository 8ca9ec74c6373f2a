#pragma once
// Parameters and rows in PostgreSQL's binary format
// (postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES): nothing is quoted, and
// nothing has to be escaped.
//
// Integers and booleans are int8, as SQLite has them; texts are text, bytes are bytea. A parameter
// that is NULL has no type of its own: the server finds one.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/rows.h"
#include "control-plane/database/sql.h"
#include "control-plane/database/transaction.h"

using PGresult = struct pg_result;

namespace agent_secrets::control_plane {

// The parameters of one statement as libpq takes them. Refers to the values, which must outlive it.
class PostgresParameters {
 public:
  using Oid = unsigned int;  // as in libpq

  explicit PostgresParameters(std::span<const Value> values);
  PostgresParameters(const PostgresParameters&) = delete;
  PostgresParameters& operator=(const PostgresParameters&) = delete;
  ~PostgresParameters() = default;

  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] const Oid* types() const { return types_.data(); }
  [[nodiscard]] const char* const* values() const { return values_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }
  // A letter for each type. A prepared statement fits the same letters alone.
  [[nodiscard]] const std::string& signature() const { return signature_; }

 private:
  void add(char letter, Oid type, const char* value, std::size_t length);
  void add_integer(std::int64_t number);

  int count_ = 0;
  std::array<Oid, Sql::kParametersMax> types_{};
  std::array<const char*, Sql::kParametersMax> values_{};
  std::array<int, Sql::kParametersMax> lengths_{};
  std::array<int, Sql::kParametersMax> formats_{};
  std::array<std::array<char, 8>, Sql::kParametersMax> integers_{};
  std::string signature_;
};

// PostgreSQL's booleans become the integers 0 and 1. Throws DatabaseFailure for a column of another
// type than ours.
Rows rows_of(const PGresult* result);
// Returns the values of all rows, one row after the other, without the names of the columns.
std::vector<Rows::Cell> cells_of(const PGresult* result);

// "?1" becomes "$1", outside of literals and quoted names.
std::string with_dollars(std::string_view text);

}  // namespace agent_secrets::control_plane
