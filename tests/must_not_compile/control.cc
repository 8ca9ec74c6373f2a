// The control: what a SecretBuffer and an Sql do allow. If this stops compiling, the other cases
// prove nothing.
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/sql.h"
#include "core/log.h"
#include "core/secret_buffer.h"

std::size_t control(agent_secrets::SecretBuffer secret) {
  const agent_secrets::SecretBuffer moved = std::move(secret);
  const agent_secrets::LogField field("size", moved.size());
  const auto line = fmt::format("{} {}", moved.same_content(moved), moved.expose_text().size());
  return line.size() + moved.expose().size();
}

constexpr agent_secrets::control_plane::Sql kAllowed("SELECT ?2, ?1, '?'");
static_assert(kAllowed.parameters() == 2);
constexpr agent_secrets::control_plane::Sql kAllowedPair("SELECT max(?1, 0)",
                                                         "SELECT greatest(?1, 0)");
static_assert(kAllowedPair.parameters() == 1);
