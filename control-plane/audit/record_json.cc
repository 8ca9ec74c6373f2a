#include "control-plane/audit/record_json.h"

#include "core/clock.h"

namespace agent_secrets::control_plane {

boost::json::object record_json(const AuditRecord& record) {
  const AuditEntry& entry = record.entry;
  boost::json::object object{{"id", record.id},
                             {"time", format_timestamp(entry.at)},
                             {"time_ms", entry.at.count()},
                             {"actor", boost::json::object{{"kind", entry.actor_kind},
                                                           {"id", entry.actor_id},
                                                           {"name", entry.actor_name}}},
                             {"address", entry.address},
                             {"organization_id", entry.organization_id},
                             {"organization", entry.organization},
                             {"action", entry.action},
                             {"object", entry.object},
                             {"detail", entry.detail},
                             {"outcome", entry.outcome},
                             {"authentic", record.is_authentic}};
  if (record.link) {
    object["position"] = record.link->position;
    object["prev"] = hex(record.link->prev);
    object["hash"] = hex(record.link->hash);
  }
  return object;
}

}  // namespace agent_secrets::control_plane
