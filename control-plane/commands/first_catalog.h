#pragma once
// `init`, `move` and `restore` make the first catalog of a place beside its final location, under
// temporary names. The last step renames everything at once, so no other process ever finds a part
// of a catalog.
//
// Threads: one at a time.

#include <chrono>
#include <memory>
#include <string>

#include "control-plane/commands/init_files.h"
#include "control-plane/options.h"
#include "control-plane/region_databases.h"
#include "control-plane/store_place.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class FirstCatalog {
 public:
  FirstCatalog() = default;
  FirstCatalog(const FirstCatalog&) = delete;
  FirstCatalog& operator=(const FirstCatalog&) = delete;
  virtual ~FirstCatalog() = default;

  // Empty at first. Close what was opened in it before move_into_place().
  [[nodiscard]] virtual StorePlace& place() = 0;
  // ErrorCode::unavailable: the catalog may be in its place, or not.
  virtual Result<void> move_into_place() = 0;
};

// Both functions remove what a killed init or move has left, and fail with ErrorCode::conflict if
// the place has a catalog. The stores of `regions` are made in their own databases from the
// beginning.

// Makes the catalog in the subdirectory .init. `undo` removes .init, and the directory if it was
// created. The object holds the lock of the directory, so a second init is refused.
Result<std::unique_ptr<FirstCatalog>> first_catalog_in_directory(const std::string& directory,
                                                                 RegionDatabases regions,
                                                                 Undo& undo);
// Makes the catalog in schemas whose names begin with agent-secrets-init-. The object's destructor
// removes them if they were not moved into place. Until then the object holds a lock in the
// database: a second init waits for the first, for a few seconds. The database server releases the
// lock after `at_most`.
Result<std::unique_ptr<FirstCatalog>> first_catalog_in_database(const PostgresPlace& place,
                                                                RegionDatabases regions,
                                                                std::chrono::milliseconds at_most);

// Moves the catalog into its place. Makes `undo` forget its files if the catalog is in its place,
// or may be: without what `undo` would remove, such as the master key, a catalog is of no use.
Result<void> put_in_place(FirstCatalog& first, Undo& undo);

// Makes the catalog in the place that the options name. Refuses a master key file inside the data
// directory, because a copy of the directory must not contain the key.
Result<std::unique_ptr<FirstCatalog>> first_catalog_of(
    const DataOptions& options, Undo& undo,
    std::chrono::milliseconds at_most = std::chrono::minutes(10));

}  // namespace agent_secrets::control_plane
