#include "control-plane/stores.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/catalog.h"
#include "control-plane/catalog/coded_rows.h"
#include "control-plane/catalog/moving.h"
#include "control-plane/keys/key_rotation.h"
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

MasterKey key_for(const StorePlace& place, const MasterKey& master_key) {
  return place.accepts_uncoded_rows() ? master_key.accepting_uncoded_rows() : master_key;
}

// Codes that are missing everywhere are most often the sign of an upgrade that is not finished.
Result<void> refuse_without_codes(const StorePlace& place, Database& catalog) {
  if (place.accepts_uncoded_rows()) return {};
  auto missing = are_codes_missing(catalog);
  if (!missing) return propagate(missing);
  if (!*missing) return {};
  return fail(ErrorCode::untrusted, place.name_of_catalog() + ": no row has an authority code",
              "after an upgrade from a version without these codes, run secret-control-plane "
              "authority adopt once (see 'Upgrade' in docs/OPERATIONS.md); otherwise somebody has "
              "changed the database: restore a backup");
}

// The rings refer to the catalog's database.
Result<RegionHandle> open_with_keys(StorePlace& place, const std::string& code, Database& catalog,
                                    const MasterKey& master_key) {
  const auto load_signing_keys = [&catalog, master_key, code] {
    return KeyStore(catalog, master_key).signing_keys(code);
  };
  const auto load_cipher = [&catalog, master_key, code] {
    return KeyStore(catalog, master_key).cipher(data_key_purpose(code));
  };
  auto signing_keys = load_signing_keys();
  if (!signing_keys) return propagate(signing_keys);
  auto cipher = load_cipher();
  if (!cipher) return propagate(cipher);
  auto authority =
      KeyStore(catalog, master_key).authority(authority_purpose(code), uncoded_rows(place));
  if (!authority) return propagate(authority);
  auto refused = authority->refused();
  auto database = place.open_region(code);
  if (!database) return propagate(database);
  auto data_keys = std::make_shared<CipherRing>(std::move(*cipher), load_cipher);
  auto store =
      std::make_unique<DatabaseRegionStore>(std::move(*database), data_keys, std::move(*authority));
  if (place.region_database(code)) {
    if (auto ok = check_keys(*store, place.name_of_region(code)); !ok) return propagate(ok);
  }
  store->add_missing_fingerprints();
  return RegionHandle{
      .store = std::move(store),
      .data_keys = std::move(data_keys),
      .signing_keys = std::make_shared<SigningRing>(std::move(*signing_keys), load_signing_keys),
      .refused_rows = std::move(refused)};
}

// While a region's own database is down, servers still start, and commands still work on the
// catalog.
bool is_outage(const StorePlace& place, std::string_view code, const Error& error) {
  return error.code == ErrorCode::unavailable && place.region_database(code);
}

// Wraps the keys anew if the previous master key has wrapped one of them, and makes the catalog's
// data key if there is none.
Result<void> prepare_keys(Database& catalog, const MasterKey& master_key) {
  auto is_current = catalog.read(
      "keys", [&](Transaction& tx) { return Result<bool>(has_wrapped_all(tx, master_key)); });
  if (!is_current) return propagate(is_current);
  if (!*is_current) {
    auto wrapped = catalog.write("wrap the keys anew",
                                 [&](Transaction& tx) { return rewrap_keys(tx, master_key); });
    if (!wrapped) return propagate(wrapped);
  }
  auto cipher = KeyStore(catalog, master_key).cipher(kCatalogPurpose);
  if (!cipher) return propagate(cipher);
  return {};
}

// Opens the catalog, and creates it if there is none.
Result<std::unique_ptr<Catalog>> make_catalog(StorePlace& place, const MasterKey& of_place,
                                              const Clock& clock) {
  const MasterKey master_key = key_for(place, of_place);
  auto database = place.open_catalog();
  if (!database) return propagate(database);
  auto is_here = (*database)->read("look for a move",
                                   [&](Transaction& tx) { return refuse_moved(tx, place.name()); });
  if (!is_here) return propagate(is_here);
  if (auto coded = refuse_without_codes(place, **database); !coded) return propagate(coded);
  if (auto ready = prepare_keys(**database, master_key); !ready) {
    return propagate(ready, "open " + place.name_of_catalog());
  }
  KeyStore keys(**database, master_key);
  auto audit_keys = keys.audit_keys();
  if (!audit_keys) return propagate(audit_keys, "open " + place.name_of_catalog());
  auto authority = keys.authority(kCatalogAuthority, uncoded_rows(place));
  if (!authority) return propagate(authority, "open " + place.name_of_catalog());
  return std::make_unique<Catalog>(std::move(*database), master_key, std::move(*audit_keys),
                                   std::move(*authority), clock);
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

// Takes a part of a region node's keys.
template <typename Keys>
KeyRing<Keys>::Load loader(const std::function<Result<RegionKeys>()>& load,
                           Keys (*take)(RegionKeys&)) {
  if (!load) return {};
  return [load, take]() -> Result<Keys> {
    auto keys = load();
    if (!keys) return propagate(keys);
    return take(*keys);
  };
}

}  // namespace

Result<void> RegionHandle::refresh_keys() const {
  if (auto loaded = signing_keys->refresh(); !loaded) return loaded;
  return data_keys->refresh();
}

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
  auto handle = open_with_keys(place, code, *catalog.context.database, key_for(place, master_key));
  if (!handle) return propagate(handle, clause);
  auto recorded = record_region_database(place, catalog, code);
  if (!recorded) return propagate(recorded, clause);
  return handle;
}

Result<RegionHandle> join_region(StorePlace& place, RegionKeys keys,
                                 const std::function<Result<RegionKeys>()>& load) {
  const std::string code = keys.region;
  const std::string clause = "region " + code;
  auto database = place.join_region(code);
  if (!database) return propagate(database, clause);
  Authority authority = take_authority(keys, uncoded_rows(place));
  auto refused = authority.refused();
  auto signing_keys = std::make_shared<SigningRing>(
      take_signing_keys(keys), loader<RegionSigningKeys>(load, take_signing_keys));
  auto data_keys =
      std::make_shared<CipherRing>(take_cipher(keys), loader<ValueCipher>(load, take_cipher));
  auto store =
      std::make_unique<DatabaseRegionStore>(std::move(*database), data_keys, std::move(authority));
  if (auto ok = check_keys(*store, place.name_of_region(code)); !ok) return propagate(ok, clause);
  return RegionHandle{.store = std::move(store),
                      .data_keys = std::move(data_keys),
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
