#include "control-plane/database/postgres_values.h"

#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <libpq-fe.h>

#include "control-plane/database/failure.h"

namespace agent_secrets::control_plane {
namespace {

// Of the system catalog pg_type; libpq has no header for them.
enum TypeId : PostgresParameters::Oid {
  kUnknown = 0,
  kBool = 16,
  kBytea = 17,
  kName = 19,
  kInt8 = 20,
  kInt4 = 23,
  kText = 25,
};
constexpr int kBinary = 1;

std::int64_t big_endian(const char* bytes, int size) {
  const bool negative = (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0;
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  for (int i = 0; i < size; ++i) bits = (bits << 8U) | static_cast<unsigned char>(bytes[i]);
  return static_cast<std::int64_t>(bits);
}

Rows::Cell cell_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::monostate();
  const char* bytes = PQgetvalue(result, row, column);
  const int size = PQgetlength(result, row, column);
  switch (PQftype(result, column)) {
    case kBool:
    case kInt4:
    case kInt8:
      return big_endian(bytes, size);
    case kBytea:
      return std::vector<std::uint8_t>(bytes, bytes + size);
    case kText:
    case kName:
      return std::string(bytes, static_cast<std::size_t>(size));
    default:
      throw DatabaseFailure(
          {.code = ErrorCode::failed,
           .message = fmt::format("column {} has a type that is not ours", PQfname(result, column)),
           .hint = "restore the database from a backup"});
  }
}

}  // namespace

PostgresParameters::PostgresParameters(std::span<const Value> values) {
  AGENT_SECRETS_ASSERT(values.size() <= Sql::kParametersMax);
  struct Adder {
    PostgresParameters& to;
    void operator()(std::monostate /*null*/) const { to.add('n', kUnknown, nullptr, 0); }
    void operator()(std::int64_t number) const { to.add_integer(number); }
    void operator()(bool flag) const { to.add_integer(flag ? 1 : 0); }
    // A null pointer would be NULL, and empty texts and bytes may have one.
    void operator()(std::string_view text) const {
      to.add('t', kText, text.empty() ? "" : text.data(), text.size());
    }
    void operator()(Value::Bytes bytes) const {
      to.add('b', kBytea, bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data()),
             bytes.size());
    }
  };
  for (const Value& value : values) std::visit(Adder{*this}, value.content);
}

void PostgresParameters::add(char letter, Oid type, const char* value, std::size_t length) {
  const auto index = static_cast<std::size_t>(count_++);
  types_.at(index) = type;
  values_.at(index) = value;
  lengths_.at(index) = static_cast<int>(length);
  formats_.at(index) = kBinary;
  signature_ += letter;
}

void PostgresParameters::add_integer(std::int64_t number) {
  std::array<char, 8>& bytes = integers_.at(static_cast<std::size_t>(count_));
  auto bits = static_cast<std::uint64_t>(number);
  for (std::size_t i = bytes.size(); i-- > 0; bits >>= 8U) {
    bytes.at(i) = static_cast<char>(bits & 0xffU);
  }
  add('i', kInt8, bytes.data(), bytes.size());
}

Rows rows_of(const PGresult* result) {
  std::vector<std::string> columns;
  columns.reserve(static_cast<std::size_t>(PQnfields(result)));
  for (int column = 0; column < PQnfields(result); ++column) {
    columns.emplace_back(PQfname(result, column));
  }
  Rows rows(std::make_shared<const std::vector<std::string>>(std::move(columns)));
  for (Rows::Cell& cell : cells_of(result)) rows.add(std::move(cell));
  return rows;
}

std::vector<Rows::Cell> cells_of(const PGresult* result) {
  std::vector<Rows::Cell> cells;
  for (int row = 0; row < PQntuples(result); ++row) {
    for (int column = 0; column < PQnfields(result); ++column) {
      cells.push_back(cell_of(result, row, column));
    }
  }
  return cells;
}

std::string with_dollars(std::string_view text) {
  std::string changed(text);
  for (std::size_t i = 0; i < changed.size(); ++i) {
    i = Sql::skip_quoted(text, i);
    if (changed[i] == '?') changed[i] = '$';
  }
  return changed;
}

}  // namespace agent_secrets::control_plane
