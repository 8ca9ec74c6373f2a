#include "control-plane/catalog/bindings.h"

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {
namespace {

// The pins are those of a server of an older version, which does not write set_bindings.
bool has_had(Transaction& tx, std::int64_t agent_id, std::int64_t set_id) {
  const Rows rows = tx.query(
      "SELECT 1 FROM set_bindings WHERE agent_id = ?1 AND set_id = ?2"
      " UNION ALL"
      " SELECT 1 FROM deployment_pins p JOIN deployments d ON d.id = p.deployment_id"
      "  WHERE d.agent_id = ?1 AND p.set_id = ?2",
      agent_id, set_id);
  return !rows.empty();
}

}  // namespace

Result<bool> bind_set(Transaction& tx, const Actor& actor, std::int64_t agent_id,
                      const SecretSet& set) {
  const bool is_first = !has_had(tx, agent_id, set.id);
  if (is_first && !set.protected_by.empty() && actor.role < Role::admin) {
    return fail(ErrorCode::forbidden,
                fmt::format("Secret set {} is protected, and this agent has not had it. Only an "
                            "admin gives an agent a protected set: ask one to deploy it once.",
                            shown(set.name)));
  }
  tx.execute_later(
      "INSERT INTO set_bindings (agent_id, set_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
      agent_id, set.id);
  return is_first;
}

}  // namespace agent_secrets::control_plane
