#include "control-plane/database/table_copy.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <sodium.h>

namespace agent_secrets::control_plane {
namespace {

std::vector<std::string> with_row_number(const Table& table) {
  std::vector<std::string> columns = table.columns;
  columns.insert(std::ranges::lower_bound(columns, kRowNumber), kRowNumber);
  return columns;
}

std::unexpected<Error> different_schema(const std::string& table) {
  return fail(ErrorCode::failed, "table " + table + ": the two databases have different schemas",
              "this is a bug in secret-control-plane: nothing was copied; please report it");
}

// Returns the table with the columns that are copied.
Result<Table> in_both(const Table& from, const Table& to) {
  if (from.columns == to.columns) return to;
  if (from.has_row_numbers && with_row_number(from) == to.columns) return to;
  if (to.has_row_numbers && with_row_number(to) == from.columns) return from;
  return different_schema(to.name);
}

// Returns the tables that are copied, in the order of `to`.
Result<std::vector<Table>> tables_in_both(Tables& from, Tables& to,
                                          const std::set<std::string>& left_out) {
  std::map<std::string, Table> sources;
  for (Table& table : from.list()) sources.emplace(table.name, std::move(table));
  std::vector<Table> both;
  for (const Table& table : to.list()) {
    const auto source = sources.extract(table.name);
    if (!source) return different_schema(table.name);
    auto columns = in_both(source.mapped(), table);
    if (!columns) return propagate(columns);
    if (!left_out.contains(table.name)) both.push_back(std::move(*columns));
  }
  if (!sources.empty()) return different_schema(sources.begin()->first);
  return both;
}

// The number of rows, and the sum of the rows' hashes. The sum does not depend on the order of the
// rows. Equal rows do not cancel each other out in a sum, as they would in an exclusive or.
struct Digest {
  std::int64_t rows = 0;
  std::array<std::uint64_t, 4> sums{};
  bool operator==(const Digest&) const = default;
};

class RowHash {
 public:
  RowHash() { crypto_generichash_init(&state_, nullptr, 0, kSize); }

  void add(const Rows::Cell& cell) {
    struct Adder {
      RowHash& hash;
      void operator()(std::monostate /*null*/) const {}
      void operator()(std::int64_t number) const { hash.add(&number, sizeof number); }
      void operator()(const std::string& text) const { hash.add(text.data(), text.size()); }
      void operator()(const std::vector<std::uint8_t>& bytes) const {
        hash.add(bytes.data(), bytes.size());
      }
    };
    const std::uint64_t type = cell.index();
    add(&type, sizeof type);
    std::visit(Adder{*this}, cell);
  }

  void add_to(Digest& digest) {
    std::array<std::uint64_t, kSize / 8> hash{};
    crypto_generichash_final(&state_, reinterpret_cast<unsigned char*>(hash.data()), kSize);
    for (std::size_t i = 0; i < hash.size(); ++i) digest.sums.at(i) += hash.at(i);
    ++digest.rows;
  }

 private:
  static constexpr std::size_t kSize = 32;
  // Hashes the length too. Otherwise two texts could have the same hash as one longer text.
  void add(const void* bytes, std::uint64_t length) {
    crypto_generichash_update(&state_, reinterpret_cast<const unsigned char*>(&length),
                              sizeof length);
    crypto_generichash_update(&state_, static_cast<const unsigned char*>(bytes), length);
  }
  crypto_generichash_state state_{};
};

Digest digest_of(Tables& tables, const Table& table) {
  Digest digest;
  tables.read(table, [&](const Cells& cells) {
    const std::span<const Rows::Cell> all(cells);
    for (std::size_t at = 0; at < all.size(); at += table.columns.size()) {
      RowHash hash;
      for (const Rows::Cell& cell : all.subspan(at, table.columns.size())) hash.add(cell);
      hash.add_to(digest);
    }
  });
  return digest;
}

Result<void> compare_table(Tables& from, Tables& to, const Table& table) {
  const Digest wanted = digest_of(from, table);
  const Digest found = digest_of(to, table);
  if (wanted == found) return {};
  return fail(ErrorCode::failed,
              fmt::format("table {}: the copy is not equal ({} rows, {} in the copy)", table.name,
                          wanted.rows, found.rows));
}

Result<void> compare_last_ids(Tables& from, Tables& to) {
  const auto found = to.last_ids();
  for (const auto& [table, id] : from.last_ids()) {
    const auto last = found.find(table);
    if (last != found.end() && last->second >= id) continue;
    return fail(ErrorCode::failed,
                fmt::format("table {}: the copy could use ids a second time", table));
  }
  return {};
}

std::int64_t rows_in(const Cells& cells, const Table& table) {
  return static_cast<std::int64_t>(cells.size() / table.columns.size());
}

Result<void> for_each_table(const std::vector<Table>& tables,
                            const std::function<Result<void>(const Table&)>& work) {
  for (const Table& table : tables) {
    auto done = guarded("table " + table.name, [&] { return work(table); });
    if (!done) return done;
  }
  return {};
}

Result<std::vector<Table>> read_schemas(Tables& from, Tables& to,
                                        const std::set<std::string>& left_out) {
  return guarded("read the schemas", [&] { return tables_in_both(from, to, left_out); });
}

}  // namespace

std::int64_t sum_of(const RowCounts& counts) {
  std::int64_t sum = 0;
  for (const auto& [table, rows] : counts) sum += rows;
  return sum;
}

Result<RowCounts> copy_tables(Tables& from, Tables& to, const std::set<std::string>& left_out) {
  auto tables = read_schemas(from, to, left_out);
  if (!tables) return propagate(tables);
  // Removes rows that a migration inserted, and each row before the rows that it references.
  const std::vector<Table> last_first(tables->rbegin(), tables->rend());
  auto emptied = for_each_table(last_first, [&](const Table& table) -> Result<void> {
    to.remove_rows(table);
    return {};
  });
  if (!emptied) return propagate(emptied);
  RowCounts copied;
  auto filled = for_each_table(*tables, [&](const Table& table) -> Result<void> {
    std::int64_t& rows = copied[table.name];
    from.read(table, [&](const Cells& cells) {
      to.insert(table, cells);
      rows += rows_in(cells, table);
    });
    return {};
  });
  if (!filled) return propagate(filled);
  return guarded("commit the copy", [&]() -> Result<RowCounts> {
    to.raise_last_ids(from.last_ids());
    to.commit();
    return copied;
  });
}

Result<RowCounts> count_rows(Tables& tables, const std::set<std::string>& left_out) {
  RowCounts counts;
  auto counted = guarded("read the tables", [&]() -> Result<void> {
    for (const Table& table : tables.list()) {
      if (left_out.contains(table.name)) continue;
      std::int64_t& rows = counts[table.name];
      tables.read(table, [&](const Cells& cells) { rows += rows_in(cells, table); });
    }
    return {};
  });
  if (!counted) return propagate(counted);
  return counts;
}

Result<void> compare_tables(Tables& from, Tables& to, const std::set<std::string>& left_out) {
  auto tables = read_schemas(from, to, left_out);
  if (!tables) return propagate(tables);
  auto compared =
      for_each_table(*tables, [&](const Table& table) { return compare_table(from, to, table); });
  if (!compared) return compared;
  return guarded("compare the last ids", [&] { return compare_last_ids(from, to); });
}

}  // namespace agent_secrets::control_plane
