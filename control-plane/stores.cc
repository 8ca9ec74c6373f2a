#include "control-plane/stores.h"

#include <cerrno>
#include <set>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "control-plane/catalog/catalog.h"
#include "control-plane/data_directory.h"
#include "control-plane/database/migrations.h"
#include "control-plane/database/sqlite_database.h"
#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {
namespace {

std::string catalog_path(const std::string& directory) { return directory + "/catalog.db"; }

// Codes are checked when a region is added (catalog/rules.h): no separator gets here.
std::string region_path(const std::string& directory, std::string_view code) {
  return fmt::format("{}/region-{}.db", directory, code);
}

constexpr const char* kNoCatalogHint =
    "create one with secret-control-plane init, or check --data-dir";

std::unexpected<Error> directory_failure(std::string_view verb, const std::string& directory) {
  const int error = errno;
  return fail(ErrorCode::failed,
              fmt::format("{} data directory {}: {}", verb, directory, errno_message(error)),
              error == ENOENT ? kNoCatalogHint : "check that this user may write there");
}

// The lock for the time of a migration; not open when there is nothing to migrate.
Result<UniqueFd> lock_to_migrate(const std::string& directory, SqliteDatabase& database,
                                 const std::vector<Migration>& migrations) {
  auto older = has_older_schema(database, migrations);
  if (!older) return propagate(older);
  if (!*older) return UniqueFd();
  auto lock = lock_data_directory(directory);
  if (lock || lock.error().code != ErrorCode::conflict) return lock;
  return fail(ErrorCode::conflict,
              database.path() + " has an older schema, and another process uses the data directory",
              "stop a server of the older version, and start this one: it migrates the data; or "
              "try again, if another command migrates it now");
}

Result<std::unique_ptr<SqliteDatabase>> open_migrated(const std::string& directory,
                                                      const std::string& path,
                                                      const std::vector<Migration>& migrations,
                                                      MigrationLock wanted) {
  auto reserve = DiskReserve::open(directory);
  if (!reserve) return propagate(reserve);
  auto database = SqliteDatabase::open(path, std::move(*reserve));
  if (!database) return database;
  Result<UniqueFd> lock;
  if (wanted == MigrationLock::taken) lock = lock_to_migrate(directory, **database, migrations);
  if (!lock) return propagate(lock);
  if (auto ok = migrate(**database, migrations); !ok) return propagate(ok);
  return database;
}

bool exists(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0;
}

// An empty store in the place of a lost one would answer every agent that it is not known, and
// nothing would ever fill it: for the catalog its versions are ready and its agents published.
Result<void> refuse_lost_region(const std::string& path, Catalog& catalog, std::string_view code) {
  if (exists(path)) return {};
  auto provisioned = catalog.outbox.has_provisioned(code);
  if (!provisioned) return propagate(provisioned);
  if (!*provisioned) return {};
  return fail(ErrorCode::not_found, path + " is not there, but the catalog has provisioned it",
              "restore the whole data directory from one copy, or see 'A region file is lost' in "
              "docs/OPERATIONS.md");
}

Result<RegionHandle> open_region(const std::string& directory, const std::string& code,
                                 KeyStore& keys, MigrationLock lock) {
  auto signing_keys = keys.signing_keys(code);
  if (!signing_keys) return propagate(signing_keys);
  auto cipher = keys.cipher("region:" + code);
  if (!cipher) return propagate(cipher);
  auto database = open_migrated(directory, region_path(directory, code), region_migrations(), lock);
  if (!database) return propagate(database);
  auto store = std::make_unique<DatabaseRegionStore>(std::move(*database), std::move(*cipher));
  store->add_missing_fingerprints();
  return RegionHandle{.store = std::move(store), .signing_keys = std::move(*signing_keys)};
}

Result<Stores> open_all(const std::string& directory, const MasterKey& master_key,
                        const Clock& clock, MigrationLock lock) {
  if (auto ok = check_data_directory(directory); !ok) return propagate(ok);
  auto database = open_migrated(directory, catalog_path(directory), catalog_migrations(), lock);
  if (!database) return propagate(database);
  KeyStore keys(**database, master_key);
  auto cipher = keys.cipher("catalog");
  if (!cipher) return propagate(cipher, "open " + catalog_path(directory));

  Stores stores;
  auto catalog = std::make_unique<Catalog>(std::move(*database), std::move(*cipher), clock);
  auto regions = catalog->regions.list();
  if (!regions) return propagate(regions);
  for (const Region& region : *regions) {
    auto there = refuse_lost_region(region_path(directory, region.code), *catalog, region.code);
    if (!there) return propagate(there, "region " + region.code);
    auto handle = open_region(directory, region.code, keys, lock);
    if (!handle) return propagate(handle, "region " + region.code);
    stores.regions.emplace(region.code, std::move(*handle));
  }
  stores.catalog = std::move(catalog);
  return stores;
}

}  // namespace

Result<Stores> create_stores(const std::string& data_directory, const MasterKey& master_key,
                             const Clock& clock) {
  if (::mkdir(data_directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return directory_failure("create", data_directory);
  }
  if (exists(catalog_path(data_directory))) {
    return fail(ErrorCode::conflict, fmt::format("{} already holds a catalog", data_directory),
                "choose an empty directory, or use the catalog that is there");
  }
  return open_all(data_directory, master_key, clock, MigrationLock::taken);
}

Result<Stores> open_stores(const std::string& data_directory, const MasterKey& master_key,
                           const Clock& clock, MigrationLock lock) {
  if (!exists(catalog_path(data_directory))) {
    return fail(ErrorCode::not_found, fmt::format("{} holds no catalog", data_directory),
                kNoCatalogHint);
  }
  auto stores = open_all(data_directory, master_key, clock, lock);
  if (!stores) return stores;
  std::set<std::string> opened;
  for (const auto& [code, handle] : stores->regions) opened.insert(code);
  stores->catalog->regions.know_only(std::move(opened));
  return stores;
}

// The lock is on the directory itself (flock(2)): nothing to clean up, gone with its holder.
Result<UniqueFd> lock_data_directory(const std::string& data_directory) {
  UniqueFd fd(::open(data_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return directory_failure("open", data_directory);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return directory_failure("lock", data_directory);
  return fail(ErrorCode::conflict,
              fmt::format("data directory {} is served by another process", data_directory),
              "stop the other secret-control-plane, or use another data directory");
}

}  // namespace agent_secrets::control_plane
