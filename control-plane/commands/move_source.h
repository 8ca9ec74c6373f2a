#pragma once
// The catalog and the regions that `move` copies, locked: no server uses them, and nothing writes
// to them, until the object is destroyed. So nothing that is written can be missing in the copy.
//
// Not noticed, because a server in PostgreSQL is known by its leases (catalog/leases.h): a server
// that does not reach the catalog, and one that has opened the catalog but has no lease yet. Their
// writes wait for the end of the move, and then fail or stay in the source.
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
  std::map<std::string, std::unique_ptr<Tables>>
      regions;  // by code; not those in databases of their own
};

// ErrorCode::conflict when a server uses the place, or it was moved before; ErrorCode::not_found
// when it has no catalog, or a region has no store. A schema of another version is refused.
Result<MoveSource> lock_source(StorePlace& place);
// Unlocks the source. From here on no command opens it.
Result<void> mark_source(MoveSource source, const std::string& target);

}  // namespace agent_secrets::control_plane
