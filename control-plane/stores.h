#pragma once
// A data directory, or another place of databases (store_place.h), opened: the catalog, its keys
// and each region's store. What `serve` and the admin commands share. Members are in the order in
// which they depend on each other.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "control-plane/catalog/catalog.h"
#include "control-plane/keys/key_ring.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/keys/refused_rows.h"
#include "control-plane/keys/region_keys.h"
#include "control-plane/region/database_region_store.h"
#include "control-plane/region/region_store.h"
#include "control-plane/store_place.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

using SigningRing = KeyRing<RegionSigningKeys>;

// A region's store and keys. Both rings load their keys again where they came from: from the
// catalog, which must outlive them, or from the file of a region node.
struct RegionHandle {
  std::unique_ptr<RegionStore> store;
  std::shared_ptr<CipherRing> data_keys;  // of the store
  std::shared_ptr<SigningRing> signing_keys;
  // By the store. Not null where the store has a database.
  std::shared_ptr<RefusedRows> refused_rows = {};

  // Call it when keys have been rotated. If it fails, the keys stay.
  Result<void> refresh_keys() const;
};

struct Stores {
  std::unique_ptr<Catalog> catalog;
  std::map<std::string, RegionHandle> regions;  // by code
  // Regions with a database of their own (region_databases.h) that cannot be reached now.
  std::map<std::string, Error> unreachable;

  // The error says why the region was not opened.
  [[nodiscard]] Result<RegionHandle*> region(const std::string& code);
};

// Creates an empty catalog; refuses a place that has a catalog already.
Result<Stores> create_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock);
// Opens an existing catalog and all of its regions: runs migrations, refuses a newer schema, a
// wrong master key, and a catalog whose rows have no authority codes (unless the place accepts it),
// with hints. The returned catalog ignores regions that are added later (Regions::know_only), and
// regions that are unreachable.
Result<Stores> open_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock);
// Opens only an existing catalog, without the stores of its regions.
Result<std::unique_ptr<Catalog>> open_catalog(StorePlace& place, const MasterKey& master_key,
                                              const Clock& clock);
// Opens one region of the catalog. Makes its keys and its store if it is new. ErrorCode::not_found
// for a store that is lost.
Result<RegionHandle> open_region(StorePlace& place, Catalog& catalog, const MasterKey& master_key,
                                 const std::string& code);
// Opens one region for a region node, without a catalog. `load` gives the keys of the region now;
// without it, the keys stay as they are. ErrorCode::untrusted if the keys do not open the region's
// values.
Result<RegionHandle> join_region(StorePlace& place, RegionKeys keys,
                                 const std::function<Result<RegionKeys>()>& load = {});

}  // namespace agent_secrets::control_plane
