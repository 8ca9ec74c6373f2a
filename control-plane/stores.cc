#include "control-plane/stores.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/catalog.h"
#include "control-plane/catalog/moving.h"
#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {
namespace {

// An empty store in the place of a lost one would answer every agent that it is not known, and
// nothing would ever fill it: for the catalog its versions are ready and its agents published.
Result<void> refuse_lost_region(StorePlace& place, Catalog& catalog, std::string_view code) {
  auto there = place.has_region(code);
  if (!there) return propagate(there);
  if (*there) return {};
  auto provisioned = catalog.outbox.has_provisioned(code);
  if (!provisioned) return propagate(provisioned);
  if (!*provisioned) return {};
  return fail(
      ErrorCode::not_found,
      place.name_of_region(code) + " is not there, but the catalog has provisioned it",
      "restore the catalog and its regions from one copy, or see 'A region file is lost' in "
      "docs/OPERATIONS.md");
}

Result<RegionHandle> open_with_keys(StorePlace& place, const std::string& code, KeyStore& keys) {
  auto signing_keys = keys.signing_keys(code);
  if (!signing_keys) return propagate(signing_keys);
  auto cipher = keys.cipher("region:" + code);
  if (!cipher) return propagate(cipher);
  auto database = place.open_region(code);
  if (!database) return propagate(database);
  auto store = std::make_unique<DatabaseRegionStore>(std::move(*database), std::move(*cipher));
  store->add_missing_fingerprints();
  return RegionHandle{.store = std::move(store), .signing_keys = std::move(*signing_keys)};
}

Result<Stores> open_all(StorePlace& place, const MasterKey& master_key, const Clock& clock) {
  auto database = place.open_catalog();
  if (!database) return propagate(database);
  auto is_here = (*database)->read("look for a move",
                                   [&](Transaction& tx) { return refuse_moved(tx, place.name()); });
  if (!is_here) return propagate(is_here);
  KeyStore keys(**database, master_key);
  auto cipher = keys.cipher("catalog");
  if (!cipher) return propagate(cipher, "open " + place.name_of_catalog());

  Stores stores;
  auto catalog = std::make_unique<Catalog>(std::move(*database), std::move(*cipher), clock);
  auto regions = catalog->regions.list();
  if (!regions) return propagate(regions);
  for (const Region& region : *regions) {
    auto handle = open_region(place, *catalog, master_key, region.code);
    if (!handle) return propagate(handle);
    stores.regions.emplace(region.code, std::move(*handle));
  }
  stores.catalog = std::move(catalog);
  return stores;
}

}  // namespace

Result<RegionHandle> open_region(StorePlace& place, Catalog& catalog, const MasterKey& master_key,
                                 const std::string& code) {
  const std::string clause = "region " + code;
  auto there = refuse_lost_region(place, catalog, code);
  if (!there) return propagate(there, clause);
  KeyStore keys(*catalog.context.database, master_key);
  auto handle = open_with_keys(place, code, keys);
  if (!handle) return propagate(handle, clause);
  return handle;
}

Result<Stores> create_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock) {
  if (auto made = place.make(); !made) return propagate(made);
  auto taken = place.has_catalog();
  if (!taken) return propagate(taken);
  if (*taken) {
    return fail(ErrorCode::conflict, fmt::format("{} already holds a catalog", place.name()),
                "choose an empty directory, or use the catalog that is there");
  }
  return open_all(place, master_key, clock);
}

Result<Stores> open_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock) {
  auto there = place.has_catalog();
  if (!there) return propagate(there);
  if (!*there) {
    return fail(ErrorCode::not_found, fmt::format("{} holds no catalog", place.name()),
                place.hint_without_catalog());
  }
  auto stores = open_all(place, master_key, clock);
  if (!stores) return stores;
  std::set<std::string> opened;
  for (const auto& [code, handle] : stores->regions) opened.insert(code);
  stores->catalog->regions.know_only(std::move(opened));
  return stores;
}

}  // namespace agent_secrets::control_plane
