#pragma once
// A record as JSON: what the REST API and `audit tail --json` show. It has all fields that the hash
// of the record is over (docs/audit.md).

#include <boost/json/object.hpp>

#include "control-plane/audit/record.h"

namespace agent_secrets::control_plane {

// {"id", "time", "time_ms", "actor": {"kind", "id", "name"}, "address", "organization_id",
//  "organization", "action", "object", "detail", "outcome", "authentic"}, and for a chained record
// "position", "prev" and "hash". "authentic": false if the authority code does not hold.
boost::json::object record_json(const AuditRecord& record);

}  // namespace agent_secrets::control_plane
