#pragma once
// One data directory, opened: the catalog, its keys and each region's store, on SQLite. What
// `serve` and the admin commands share. Members are in the order in which they depend on each
// other.

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "control-plane/catalog/catalog.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/region_store.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

struct RegionHandle {
  std::unique_ptr<RegionStore> store;
  RegionSigningKeys signing_keys;
};

struct Stores {
  std::unique_ptr<Catalog> catalog;
  std::map<std::string, RegionHandle> regions;  // by code
};

// Both refuse a directory that somebody else owns or may use (data_directory.h).
//
// Creates an empty catalog, and its directory (0700) when there is none; refuses one that already
// holds a catalog.
Result<Stores> create_stores(const std::string& data_directory, const MasterKey& master_key,
                             const Clock& clock);
// Who locks the data directory for a migration.
enum class MigrationLock : std::uint8_t {
  // The caller has locked it (serve).
  held,
  // open_stores(), while it migrates: ErrorCode::conflict when another process holds the lock. A
  // server of an older version would go on writing data that the migration has moved.
  taken,
};

// Opens an existing catalog: runs migrations (after a copy), refuses a newer schema and a wrong
// master key, with hints. Creates the keys and the file of a region that was added since the last
// opening. The returned catalog ignores regions that are added later.
Result<Stores> open_stores(const std::string& data_directory, const MasterKey& master_key,
                           const Clock& clock, MigrationLock lock = MigrationLock::taken);
// The lock of the data directory, which `serve` holds for its lifetime. ErrorCode::conflict, naming
// the directory, when another process holds it.
Result<UniqueFd> lock_data_directory(const std::string& data_directory);

}  // namespace agent_secrets::control_plane
