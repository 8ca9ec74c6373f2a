#include "control-plane/stores.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/catalog.h"
#include "control-plane/catalog/moving.h"
#include "control-plane/region/database_region_store.h"
#include "control-plane/region_databases.h"

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
      "restore the catalog and its regions from one backup, or see 'A region file is lost' in "
      "docs/OPERATIONS.md");
}

// Refuses a store of another control plane, because provisioning would delete its values.
Result<void> check_keys(DatabaseRegionStore& store, const std::string& name) {
  auto missing = store.find_missing_key();
  if (!missing) return propagate(missing);
  if (!*missing) return {};
  return fail(
      ErrorCode::untrusted,
      fmt::format("{} has values under the key {}, which is not among the given keys of the "
                  "region",
                  name, **missing),
      "check the URL of the database; on a region node, export the file of --region-keys "
      "again");
}

UncodedRows uncoded_rows(const StorePlace& place) {
  return place.accepts_uncoded_rows() ? UncodedRows::accepted : UncodedRows::refused;
}

// Codes that are missing everywhere are most often the sign of an upgrade that is not finished.
Result<void> refuse_without_codes(const StorePlace& place, Catalog& catalog) {
  if (place.accepts_uncoded_rows()) return {};
  auto missing = catalog.coded_rows.are_missing();
  if (!missing) return propagate(missing);
  if (!*missing) return {};
  return fail(ErrorCode::untrusted, place.name_of_catalog() + ": no row has an authority code",
              "after an upgrade from a version without these codes, run secret-control-plane "
              "authority adopt once (see 'Upgrade' in docs/OPERATIONS.md); otherwise somebody has "
              "changed the database: restore a backup");
}

Result<RegionHandle> open_with_keys(StorePlace& place, const std::string& code, KeyStore& keys) {
  auto signing_keys = keys.signing_keys(code);
  if (!signing_keys) return propagate(signing_keys);
  auto cipher = keys.cipher(data_key_purpose(code));
  if (!cipher) return propagate(cipher);
  auto authority = keys.authority(authority_purpose(code), uncoded_rows(place));
  if (!authority) return propagate(authority);
  auto refused = authority->refused();
  auto database = place.open_region(code);
  if (!database) return propagate(database);
  auto store = std::make_unique<DatabaseRegionStore>(std::move(*database), std::move(*cipher),
                                                     std::move(*authority));
  if (place.region_database(code)) {
    if (auto ok = check_keys(*store, place.name_of_region(code)); !ok) return propagate(ok);
  }
  store->add_missing_fingerprints();
  return RegionHandle{.store = std::move(store),
                      .signing_keys = std::move(*signing_keys),
                      .refused_rows = std::move(refused)};
}

// While a region's own database is down, servers still start, and commands still work on the
// catalog.
bool is_outage(const StorePlace& place, std::string_view code, const Error& error) {
  return error.code == ErrorCode::unavailable && place.region_database(code);
}

// Opens the catalog, and creates it if there is none.
Result<std::unique_ptr<Catalog>> make_catalog(StorePlace& place, const MasterKey& master_key,
                                              const Clock& clock) {
  auto database = place.open_catalog();
  if (!database) return propagate(database);
  auto is_here = (*database)->read("look for a move",
                                   [&](Transaction& tx) { return refuse_moved(tx, place.name()); });
  if (!is_here) return propagate(is_here);
  KeyStore keys(**database, master_key);
  auto cipher = keys.cipher("catalog");
  if (!cipher) return propagate(cipher, "open " + place.name_of_catalog());
  auto audit_keys = keys.audit_keys();
  if (!audit_keys) return propagate(audit_keys, "open " + place.name_of_catalog());
  auto authority = keys.authority(kCatalogAuthority, uncoded_rows(place));
  if (!authority) return propagate(authority, "open " + place.name_of_catalog());
  auto catalog = std::make_unique<Catalog>(std::move(*database), std::move(*cipher),
                                           std::move(*audit_keys), std::move(*authority), clock);
  if (auto coded = refuse_without_codes(place, *catalog); !coded) return propagate(coded);
  return catalog;
}

Result<Stores> open_regions(StorePlace& place, std::unique_ptr<Catalog> catalog,
                            const MasterKey& master_key) {
  Stores stores;
  auto regions = catalog->regions.list();
  if (!regions) return propagate(regions);
  for (const Region& region : *regions) {
    auto handle = open_region(place, *catalog, master_key, region.code);
    if (handle) {
      stores.regions.emplace(region.code, std::move(*handle));
    } else if (is_outage(place, region.code, handle.error())) {
      stores.unreachable.emplace(region.code, std::move(handle.error()));
    } else {
      return propagate(handle);
    }
  }
  stores.catalog = std::move(catalog);
  return stores;
}

}  // namespace

Result<RegionHandle*> Stores::region(const std::string& code) {
  if (const auto opened = regions.find(code); opened != regions.end()) return &opened->second;
  if (const auto why = unreachable.find(code); why != unreachable.end()) {
    return std::unexpected(why->second);
  }
  return fail(ErrorCode::failed, "region " + code + " has no store");
}

Result<RegionHandle> open_region(StorePlace& place, Catalog& catalog, const MasterKey& master_key,
                                 const std::string& code) {
  const std::string clause = "region " + code;
  auto placed = check_region_database(place, catalog, code);
  if (!placed) return propagate(placed, clause);
  auto there = refuse_lost_region(place, catalog, code);
  if (!there) return propagate(there, clause);
  KeyStore keys(*catalog.context.database, master_key);
  auto handle = open_with_keys(place, code, keys);
  if (!handle) return propagate(handle, clause);
  auto recorded = record_region_database(place, catalog, code);
  if (!recorded) return propagate(recorded, clause);
  return handle;
}

Result<RegionHandle> join_region(StorePlace& place, RegionKeys keys) {
  const std::string code = keys.region;
  const std::string clause = "region " + code;
  auto database = place.join_region(code);
  if (!database) return propagate(database, clause);
  RegionSigningKeys signing_keys = take_signing_keys(keys);
  Authority authority = take_authority(keys, uncoded_rows(place));
  auto refused = authority.refused();
  auto store = std::make_unique<DatabaseRegionStore>(std::move(*database), take_cipher(keys),
                                                     std::move(authority));
  if (auto ok = check_keys(*store, place.name_of_region(code)); !ok) return propagate(ok, clause);
  return RegionHandle{.store = std::move(store),
                      .signing_keys = std::move(signing_keys),
                      .refused_rows = std::move(refused)};
}

Result<std::unique_ptr<Catalog>> open_catalog(StorePlace& place, const MasterKey& master_key,
                                              const Clock& clock) {
  auto there = place.has_catalog();
  if (!there) return propagate(there);
  if (*there) return make_catalog(place, master_key, clock);
  return fail(ErrorCode::not_found, fmt::format("{} holds no catalog", place.name()),
              place.hint_without_catalog());
}

Result<Stores> create_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock) {
  if (auto made = place.make(); !made) return propagate(made);
  auto taken = place.has_catalog();
  if (!taken) return propagate(taken);
  if (*taken) {
    return fail(ErrorCode::conflict, fmt::format("{} already holds a catalog", place.name()),
                "choose an empty directory, or use the catalog that is there");
  }
  auto catalog = make_catalog(place, master_key, clock);
  if (!catalog) return propagate(catalog);
  return open_regions(place, std::move(*catalog), master_key);
}

Result<Stores> open_stores(StorePlace& place, const MasterKey& master_key, const Clock& clock) {
  auto catalog = open_catalog(place, master_key, clock);
  if (!catalog) return propagate(catalog);
  auto stores = open_regions(place, std::move(*catalog), master_key);
  if (!stores) return stores;
  std::set<std::string> opened;
  for (const auto& [code, handle] : stores->regions) opened.insert(code);
  stores->catalog->regions.know_only(std::move(opened));
  return stores;
}

}  // namespace agent_secrets::control_plane
