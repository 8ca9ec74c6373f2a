#include "control-plane/database/tables.h"

#include <variant>

#include <fmt/format.h>

namespace agent_secrets::control_plane {
namespace {

Value value_of(const Rows::Cell& cell) {
  struct Converter {
    Value operator()(std::monostate /*null*/) const { return std::optional<std::int64_t>(); }
    Value operator()(std::int64_t number) const { return number; }
    Value operator()(const std::string& text) const { return text; }
    Value operator()(const std::vector<std::uint8_t>& bytes) const { return bytes; }
  };
  return std::visit(Converter(), cell);
}

}  // namespace

// Our migrations define the names, and no name contains a quote.
std::string quoted_names(const std::vector<std::string>& names) {
  return fmt::format("\"{}\"", fmt::join(names, "\", \""));
}

std::vector<std::vector<Value>> parameters_of(const Cells& cells, std::size_t columns) {
  std::vector<std::vector<Value>> parameters;
  for (const Rows::Cell& cell : cells) {
    if (parameters.empty() || parameters.back().size() == columns) parameters.emplace_back();
    parameters.back().push_back(value_of(cell));
  }
  return parameters;
}

}  // namespace agent_secrets::control_plane
