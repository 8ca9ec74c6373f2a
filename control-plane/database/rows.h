#pragma once
// The answer to one statement, read to its end and copied, so that other statements may run while
// its rows are looked at. Columns are found by name: an edited SELECT cannot shift them. An
// expression gets its name with AS.
//
//   for (const Row row : tx.query("SELECT id, name FROM agents WHERE region = ?1", region)) {
//     agents.push_back({.id = row.integer("id"), .name = row.text("name")});
//   }
//
// The number of rows is bounded by the limits of the tables (core/limits.h) or by a LIMIT. Values
// of secrets are in them as ciphertext only.
//
// A column that the statement does not have is a bug and asserts. A value of another type, or NULL
// where a value is expected, is a damaged database: it throws DatabaseFailure (database/failure.h).
//
// Threads: as for any value type. A Row points into its Rows and must not outlive them.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace agent_secrets::control_plane {

class Rows;

class Row {
 public:
  Row(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}

  [[nodiscard]] bool is_null(std::string_view column) const;
  [[nodiscard]] std::int64_t integer(std::string_view column) const;
  [[nodiscard]] bool boolean(std::string_view column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view column) const;
  [[nodiscard]] std::string text(std::string_view column) const;
  [[nodiscard]] std::vector<std::uint8_t> blob(std::string_view column) const;
  // A public key; all zeros, which verifies and opens nothing, when the value has another size.
  [[nodiscard]] std::array<std::uint8_t, 32> key(std::string_view column) const;
  // Milliseconds of Unix time.
  [[nodiscard]] std::chrono::milliseconds time(std::string_view column) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> optional_time(
      std::string_view column) const;

 private:
  const Rows* rows_;
  std::size_t index_;
};

class Rows {
 public:
  // std::monostate: NULL. SQLite has no booleans: they are the integers 0 and 1.
  using Cell = std::variant<std::monostate, std::int64_t, std::string, std::vector<std::uint8_t>>;

  class Iterator {
   public:
    using value_type = Row;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(const Rows& rows, std::size_t index) : rows_(&rows), index_(index) {}
    Row operator*() const { return {*rows_, index_}; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++index_;
      return before;
    }
    bool operator==(const Iterator& other) const { return index_ == other.index_; }

   private:
    const Rows* rows_ = nullptr;
    std::size_t index_ = 0;
  };

  using Columns = std::shared_ptr<const std::vector<std::string>>;  // their names; not null
  explicit Rows(Columns columns) : columns_(std::move(columns)) {}
  Rows();  // of no statement
  // For adapters: cells arrive row by row, in the order of the columns.
  void add(Cell cell) {
    if (cells_.empty()) cells_.reserve(columns_->size());  // many statements have one row
    cells_.push_back(std::move(cell));
  }

  [[nodiscard]] bool empty() const { return cells_.empty(); }
  [[nodiscard]] std::size_t size() const {
    return columns_->empty() ? 0 : cells_.size() / columns_->size();
  }
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, size()}; }
  [[nodiscard]] Row front() const;  // there is one, or it asserts

 private:
  friend class Row;
  [[nodiscard]] const Cell& at(std::size_t row, std::string_view column) const;

  Columns columns_;
  std::vector<Cell> cells_;
};

static_assert(std::forward_iterator<Rows::Iterator>);

}  // namespace agent_secrets::control_plane
