#include "control-plane/catalog/audit.h"

#include "control-plane/audit/coded_record.h"
#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

// As append() of audit/audit_log.h, but looks the organization's name up in the same statement.
void record(Transaction& tx, const CatalogContext& context, const Actor& actor,
            const Change& change) {
  AuditEntry entry = entry_of(actor, context.clock.unix_time());
  entry.organization_id = change.organization_id;
  entry.action = change.action;
  entry.object = bounded_text(change.object);
  entry.detail = bounded_text(change.detail);
  entry.outcome = change.outcome;
  tx.execute_later(
      "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
      " organization, action, object, detail, outcome, code)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6,"
      "   coalesce((SELECT name FROM organizations WHERE id = ?6), ''), ?7, ?8, ?9, ?10, ?11)",
      entry.at, entry.actor_kind, entry.actor_id, entry.actor_name, entry.address,
      entry.organization_id, entry.action, entry.object, entry.detail, entry.outcome,
      make_record_code(context.authority, entry));
}

Result<void> Audit::add(const Actor& actor, const Change& change) {
  return context_.database->write_urgently("write an audit record",
                                           [&](Transaction& tx) -> Result<void> {
                                             record(tx, context_, actor, change);
                                             return {};
                                           });
}

AuditLog Audit::log() const { return AuditLog(*context_.database, context_.authority); }

}  // namespace agent_secrets::control_plane
