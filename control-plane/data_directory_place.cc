#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "control-plane/catalog/moving.h"
#include "control-plane/data_directory.h"
#include "control-plane/database/disk_reserve.h"
#include "control-plane/database/migrations.h"
#include "control-plane/store_place.h"

namespace agent_secrets::control_plane {
namespace {

bool exists(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0;
}

class DataDirectoryPlace final : public StorePlace {
 public:
  explicit DataDirectoryPlace(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] std::string name() const override { return directory_; }
  [[nodiscard]] std::string name_of_catalog() const override { return directory_ + "/catalog.db"; }
  // Codes are checked when a region is added (catalog/rules.h): no separator gets here.
  [[nodiscard]] std::string name_of_region(std::string_view code) const override {
    return fmt::format("{}/region-{}.db", directory_, code);
  }

  [[nodiscard]] std::string hint_without_catalog() const override { return kNoDataDirectoryHint; }

  [[nodiscard]] bool is_shared() const override { return false; }
  Result<void> lock_for_server() override {
    auto lock = lock_data_directory(directory_);
    if (!lock) return propagate(lock);
    server_lock_ = std::move(*lock);
    return {};
  }

  Result<void> make() override { return make_data_directory(directory_); }
  Result<bool> has_catalog() override { return exists(name_of_catalog()); }
  Result<bool> has_region(std::string_view code) override { return exists(name_of_region(code)); }
  Result<std::unique_ptr<Database>> open_catalog() override {
    if (auto ok = check_data_directory(directory_); !ok) return propagate(ok);
    return open(name_of_catalog(), catalog_migrations());
  }
  Result<std::unique_ptr<Database>> open_region(std::string_view code) override {
    return open(name_of_region(code), region_migrations());
  }
  Result<std::unique_ptr<Database>> join_region(std::string_view code) override {
    if (auto ok = check_data_directory(directory_); !ok) return propagate(ok);
    if (auto here = refuse_moved_catalog(); !here) return propagate(here);
    if (exists(name_of_region(code))) return open_region(code);
    return fail(ErrorCode::not_found, name_of_region(code) + " is not there",
                "check the code of the region, and --data-dir");
  }
  Result<std::unique_ptr<Tables>> lock_catalog_tables() override {
    if (auto ok = check_data_directory(directory_); !ok) return propagate(ok);
    return lock_tables(name_of_catalog(), catalog_migrations());
  }
  Result<std::unique_ptr<Tables>> lock_region_tables(std::string_view code) override {
    return lock_tables(name_of_region(code), region_migrations());
  }

  // The catalog is locked until all files are being read. A region learns of other regions and of
  // requests through the catalog alone. So what the regions write in the meantime does not depend
  // on the order in which they are opened, and together the files are one state of the whole.
  Result<PlaceTables> read_tables(const ChooseRegions& choose) override {
    auto locked = lock_catalog_tables();
    if (!locked) return propagate(locked);
    PlaceTables tables;
    auto catalog = read_tables_of(name_of_catalog(), catalog_migrations());
    if (!catalog) return propagate(catalog);
    tables.catalog = std::move(*catalog);
    auto codes = choose(tables.catalog->transaction());
    if (!codes) return propagate(codes);
    for (const std::string& code : *codes) {
      auto region = read_tables_of(name_of_region(code), region_migrations());
      if (!region) return propagate(region, "region " + code);
      tables.regions.emplace(code, std::move(*region));
    }
    return tables;
  }

 private:
  // A copy of a region alone has no catalog.
  [[nodiscard]] Result<void> refuse_moved_catalog() const {
    if (!exists(name_of_catalog())) return {};
    auto catalog = open(name_of_catalog(), catalog_migrations());
    if (!catalog) return propagate(catalog);
    return (*catalog)->read("look for a move",
                            [&](Transaction& tx) { return refuse_moved(tx, name()); });
  }

  static Result<std::unique_ptr<Tables>> lock_tables(const std::string& path,
                                                     const Migrations& migrations) {
    return if_known(open_sqlite_tables(path), path, migrations);
  }
  static Result<std::unique_ptr<Tables>> read_tables_of(const std::string& path,
                                                        const Migrations& migrations) {
    return if_known(read_sqlite_tables(path), path, migrations);
  }
  static Result<std::unique_ptr<Tables>> if_known(Result<std::unique_ptr<Tables>> tables,
                                                  const std::string& path,
                                                  const Migrations& migrations) {
    if (!tables) return tables;
    auto ok = check_is_known(path, (*tables)->schema_version(), migrations.sqlite.size());
    if (!ok) return propagate(ok);
    return tables;
  }

  [[nodiscard]] Result<std::unique_ptr<Database>> open(const std::string& path,
                                                       const Migrations& migrations) const {
    auto reserve = DiskReserve::open(directory_);
    if (!reserve) return propagate(reserve);
    auto database = SqliteDatabase::open(path, std::move(*reserve));
    if (!database) return propagate(database);
    Result<UniqueFd> lock;
    if (!server_lock_.is_open()) lock = lock_to_migrate(**database, migrations.sqlite);
    if (!lock) return propagate(lock);
    if (auto ok = migrate(**database, migrations.sqlite); !ok) return propagate(ok);
    return std::move(*database);
  }

  // The lock for the time of a migration; not open when there is nothing to migrate.
  [[nodiscard]] Result<UniqueFd> lock_to_migrate(SqliteDatabase& database,
                                                 const std::vector<Migration>& migrations) const {
    auto older = has_older_schema(database, migrations);
    if (!older) return propagate(older);
    if (!*older) return UniqueFd();
    auto lock = lock_data_directory(directory_);
    if (lock || lock.error().code != ErrorCode::conflict) return lock;
    return fail(
        ErrorCode::conflict,
        database.path() + " has an older schema, and another process uses the data directory",
        "stop a server of the older version, and start this one: it migrates the data; or "
        "try again, if another command migrates it now");
  }

  const std::string directory_;
  UniqueFd server_lock_;  // open after lock_for_server()
};

}  // namespace

std::unique_ptr<StorePlace> data_directory_place(std::string directory) {
  return std::make_unique<DataDirectoryPlace>(std::move(directory));
}

}  // namespace agent_secrets::control_plane
