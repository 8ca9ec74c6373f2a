#include "control-plane/catalog/audit.h"

#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

// As append() of audit/audit_log.h, but looks the organization's name up in the same statement.
void record(Transaction& tx, const CatalogContext& context, const Actor& actor,
            const Change& change) {
  tx.execute_later(
      "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
      " organization, action, object, detail, outcome)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
      "   coalesce((SELECT name FROM organizations WHERE id = ?6), ''), ?7, ?8, ?9, ?10)",
      context.clock.unix_time(), to_string(actor.kind), actor.id, actor.name, actor.address,
      change.organization_id, change.action, bounded_text(change.object),
      bounded_text(change.detail), change.outcome);
}

Result<void> Audit::add(const Actor& actor, const Change& change) {
  return context_.database->write_urgently("write an audit record",
                                           [&](Transaction& tx) -> Result<void> {
                                             record(tx, context_, actor, change);
                                             return {};
                                           });
}

AuditLog Audit::log() const { return AuditLog(*context_.database); }

}  // namespace agent_secrets::control_plane
