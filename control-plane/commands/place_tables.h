#pragma once
// The catalog and the regions of a place, as tables: what `move`, `backup` and `restore` copy.
//
// Regions with a database of their own (region_databases.h) are left out: they stay where they are.
//
// Threads: one at a time.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control-plane/database/table_copy.h"
#include "control-plane/store_place.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// For `move`: locks all tables until the object is destroyed. No server uses them, and nothing
// writes to them, so nothing that is written can be missing in the copy.
//
// ErrorCode::conflict when a server uses the place, or it was moved before; ErrorCode::not_found
// when it has no catalog, or a region has no store. A schema of another version is refused.
//
// Not noticed, because a server in PostgreSQL is known by its leases (catalog/leases.h): a server
// that does not reach the catalog, and one that has opened the catalog but has no lease yet. Their
// writes wait for the end of the move, and then fail or stay in the source.
Result<PlaceTables> lock_source(StorePlace& place);
// Unlocks the source. From here on no command opens it.
Result<void> mark_source(PlaceTables source, const std::string& target);

// For `backup`: reads them as they are at one moment, while servers go on. Errors as of
// lock_source(), but a place that is in use is no error.
Result<PlaceTables> read_source(StorePlace& place);

// For `restore`: of a place that this process has made.
Result<PlaceTables> lock_tables(StorePlace& place, const std::vector<std::string>& regions);

struct CopiedPart {
  std::optional<std::string> region;  // its code; absent: the catalog
  RowCounts rows;

  [[nodiscard]] std::string name() const { return region ? "region " + *region : "catalog"; }
};

// Makes a catalog and regions in a place that has none, fills them, reads them again and compares
// every row. The target gets no leases (docs/decisions/0034).
Result<std::vector<CopiedPart>> copy_place(const PlaceTables& from, StorePlace& to);

// The copy is on another server than its source. `also` changes more in the catalog.
Result<void> settle_copy(StorePlace& copy, const std::vector<CopiedPart>& parts,
                         const std::function<void(Transaction&)>& also = {});

// The tables that are not copied.
const std::set<std::string>& tables_left_out();

}  // namespace agent_secrets::control_plane
