#pragma once
// Regions whose stores are in PostgreSQL databases of their own, away from the catalog
// (--region-database CODE=URL). Such a database can be near the region's agents, where region nodes
// serve them (serve_region_node.h).
//
// Every process that uses the catalog must name the same databases. A process that does not name
// one would make an empty store in the catalog's place, and provision that store. So the catalog
// records which regions have a database of their own, and a process that does not name such a
// region's database refuses to open the region.
//
// Threads: one at a time.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "control-plane/catalog/catalog.h"
#include "control-plane/options.h"
#include "control-plane/store_place.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

using RegionDatabases = std::map<std::string, std::unique_ptr<StorePlace>>;  // by code

// Parses --region-database or its variable. Does not connect. Errors never repeat the URL.
Result<RegionDatabases> region_databases_of(const DataOptions& options);

// Returns `place`, with the stores of these regions in their own databases.
std::unique_ptr<StorePlace> with_region_databases(std::unique_ptr<StorePlace> place,
                                                  RegionDatabases regions);

// Call it before a region is opened. ErrorCode::invalid if the catalog records that the region has
// its own database, and the place does not name one.
Result<void> check_region_database(const StorePlace& place, Catalog& catalog,
                                   std::string_view code);
// Call it after the region was opened. If the region has its own database, records the database's
// name.
Result<void> record_region_database(const StorePlace& place, Catalog& catalog,
                                    std::string_view code);

}  // namespace agent_secrets::control_plane
