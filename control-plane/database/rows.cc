#include "control-plane/database/rows.h"

#include <algorithm>

#include <fmt/format.h>

#include "control-plane/database/failure.h"
#include "core/error.h"

namespace agent_secrets::control_plane {
namespace {

template <typename Wanted>
const Wanted& as(const Rows::Cell& cell, std::string_view column, std::string_view wanted) {
  if (const auto* value = std::get_if<Wanted>(&cell)) return *value;
  throw DatabaseFailure({.code = ErrorCode::failed,
                         .message = fmt::format("column {} holds no {}", column, wanted),
                         .hint = "restore the database from a backup"});
}

}  // namespace

Rows::Rows() {
  static const auto none = std::make_shared<const std::vector<std::string>>();
  columns_ = none;
}

const Rows::Cell& Rows::at(std::size_t row, std::string_view column) const {
  const auto found = std::ranges::find(*columns_, column);
  AGENT_SECRETS_ASSERT(found != columns_->end());
  return cells_[row * columns_->size() + static_cast<std::size_t>(found - columns_->begin())];
}

Row Rows::front() const {
  AGENT_SECRETS_ASSERT(!empty());
  return *begin();
}

bool Row::is_null(std::string_view column) const {
  return std::holds_alternative<std::monostate>(rows_->at(index_, column));
}

std::int64_t Row::integer(std::string_view column) const {
  return as<std::int64_t>(rows_->at(index_, column), column, "integer");
}

std::optional<std::int64_t> Row::optional_integer(std::string_view column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

bool Row::boolean(std::string_view column) const { return integer(column) != 0; }

std::string Row::text(std::string_view column) const {
  return as<std::string>(rows_->at(index_, column), column, "text");
}

std::vector<std::uint8_t> Row::blob(std::string_view column) const {
  return as<std::vector<std::uint8_t>>(rows_->at(index_, column), column, "bytes");
}

std::array<std::uint8_t, 32> Row::key(std::string_view column) const {
  std::array<std::uint8_t, 32> key{};
  const auto& bytes = as<std::vector<std::uint8_t>>(rows_->at(index_, column), column, "bytes");
  if (bytes.size() == key.size()) std::ranges::copy(bytes, key.begin());
  return key;
}

std::chrono::milliseconds Row::time(std::string_view column) const {
  return std::chrono::milliseconds(integer(column));
}

std::optional<std::chrono::milliseconds> Row::optional_time(std::string_view column) const {
  if (is_null(column)) return std::nullopt;
  return time(column);
}

}  // namespace agent_secrets::control_plane
