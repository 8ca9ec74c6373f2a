#include "injector/env_expansion.h"

#include <cstring>

#include <fmt/format.h>

#include "core/limits.h"

namespace agent_secrets {
namespace {

struct Variable {
  std::size_t begin;
  std::size_t end;
  std::string_view name;
  std::string_view fallback;
};

// The variable that begins at `begin`, the position of "${".
std::optional<Variable> variable_at(std::string_view value, std::size_t begin) {
  const std::size_t close = value.find('}', begin);
  if (close == std::string_view::npos) return std::nullopt;
  const std::string_view inside = value.substr(begin + 2, close - begin - 2);
  const std::size_t colon = inside.find(':');
  if (colon == std::string_view::npos) return Variable{begin, close + 1, inside, {}};
  if (!inside.substr(colon).starts_with(":-")) return std::nullopt;
  return Variable{begin, close + 1, inside.substr(0, colon), inside.substr(colon + 2)};
}

std::optional<Variable> next_variable(std::string_view value, std::size_t from) {
  for (std::size_t at = value.find("${", from); at != std::string_view::npos;
       at = value.find("${", at + 1)) {
    if (auto variable = variable_at(value, at)) return variable;
  }
  return std::nullopt;
}

// Literal parts and resolved ones, in order.
void for_each_part(std::string_view value, const VariableLookup& lookup,
                   const std::function<void(std::string_view)>& take) {
  std::size_t from = 0;
  while (const auto variable = next_variable(value, from)) {
    take(value.substr(from, variable->begin - from));
    take(lookup(variable->name).value_or(variable->fallback));
    from = variable->end;
  }
  take(value.substr(from));
}

}  // namespace

bool has_variables(std::string_view value) { return next_variable(value, 0).has_value(); }

Result<SecretBuffer> expand_variables(std::string_view value, const VariableLookup& lookup) {
  std::size_t size = 0;
  for_each_part(value, lookup, [&](std::string_view part) { size += part.size(); });
  if (size > limits::kEnvironmentString) {
    return fail(ErrorCode::too_large,
                fmt::format("expanded, it has more than {} bytes", limits::kEnvironmentString));
  }
  SecretBuffer expanded(size);
  std::size_t at = 0;
  for_each_part(value, lookup, [&](std::string_view part) {
    if (!part.empty()) std::memcpy(expanded.expose().data() + at, part.data(), part.size());
    at += part.size();
  });
  return expanded;
}

}  // namespace agent_secrets
