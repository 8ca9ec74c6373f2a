#include "control-plane/catalog/bindings.h"

#include <fmt/format.h>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {
namespace {

bool has_had(Transaction& tx, const Authority& authority, std::int64_t agent_id,
             std::int64_t set_id) {
  const Rows rows = tx.query("SELECT code FROM set_bindings WHERE agent_id = ?1 AND set_id = ?2",
                             agent_id, set_id);
  return !rows.empty() &&
         authority.accepts(coded_set_binding(agent_id, set_id), stored_code(rows.front()));
}

}  // namespace

Result<bool> bind_set(Transaction& tx, const Authority& authority, const Actor& actor,
                      std::int64_t agent_id, const SecretSet& set) {
  const bool is_first = !has_had(tx, authority, agent_id, set.id);
  if (is_first && !set.protected_by.empty() && actor.role < Role::admin) {
    return fail(ErrorCode::forbidden,
                fmt::format("Secret set {} is protected, and this agent has not had it. Only an "
                            "admin gives an agent a protected set: ask one to deploy it once.",
                            shown(set.name)));
  }
  tx.execute_later(
      "INSERT INTO set_bindings (agent_id, set_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
      agent_id, set.id);
  if (is_first) code_set_binding(tx, authority, agent_id, set.id);
  return is_first;
}

}  // namespace agent_secrets::control_plane
