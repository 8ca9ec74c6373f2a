#pragma once
// Where `init`, `move` and `restore` make the first catalog of a place: beside that place, under
// other names. It gets its names as the last step and all at once, so no other process ever finds a
// part of it.
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

// Both remove what an init or a move that was killed has left, and fail with ErrorCode::conflict
// where there is a catalog. The stores of `regions` are in their own databases from the beginning.

// In the subdirectory .init. `undo` removes it, and the directory if there was none. The object has
// the lock of the directory: a second init is refused.
Result<std::unique_ptr<FirstCatalog>> first_catalog_in_directory(const std::string& directory,
                                                                 RegionDatabases regions,
                                                                 Undo& undo);
// In schemas whose names begin with agent-secrets-init-. The object's destructor removes them if
// they were not moved. Until then it has a lock of the database: a second init waits for the first,
// for a few seconds. The server takes the lock away after `at_most`.
Result<std::unique_ptr<FirstCatalog>> first_catalog_in_database(const PostgresPlace& place,
                                                                RegionDatabases regions,
                                                                std::chrono::milliseconds at_most);

// Moves the catalog into its place, and forgets `undo` when it is there, or perhaps there: without
// what `undo` would remove, such as the master key, a catalog is of no use.
Result<void> put_in_place(FirstCatalog& first, Undo& undo);

// In the place that the options name. A master key inside the data directory is refused: whoever
// copies the one must not get the other.
Result<std::unique_ptr<FirstCatalog>> first_catalog_of(
    const DataOptions& options, Undo& undo,
    std::chrono::milliseconds at_most = std::chrono::minutes(10));

}  // namespace agent_secrets::control_plane
