#pragma once
// The catalog and the regions that `move` copies. They are locked until the object is destroyed: no
// server uses them, and no process can write to them. So the copy misses nothing.
// On PostgreSQL a server is detected by its leases (catalog/leases.h). Not detected are a server
// that cannot reach the catalog, and a server that has opened the catalog but has no lease yet.
// Their writes wait for the end of the move, and then fail or stay in the source.
//
// Threads: one at a time.

#include <map>
#include <memory>
#include <string>

#include "control-plane/database/tables.h"
#include "control-plane/store_place.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct MoveSource {
  std::unique_ptr<Tables> catalog;
  // By code. Without the regions that have databases of their own.
  std::map<std::string, std::unique_ptr<Tables>> regions;
};

// ErrorCode::conflict if a server uses the place, or if the place was moved before.
// ErrorCode::not_found if it has no catalog, or if a region has no store. A schema of another
// version is refused.
Result<MoveSource> lock_source(StorePlace& place);
// Marks the source as moved, and unlocks it. Every command then refuses to open it.
Result<void> mark_source(MoveSource source, const std::string& target);

}  // namespace agent_secrets::control_plane
