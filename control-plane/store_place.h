#pragma once
// Where the databases of a control plane are: its catalog, and a store for each region. A data
// directory has a SQLite file for each of them; a PostgreSQL database has a schema for each.
// stores.h opens what a place has, and is the same for both.
//
// Threads: one at a time.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/database/database.h"
#include "control-plane/database/postgres_options.h"
#include "control-plane/database/tables.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// The tables of a catalog and of some of its regions, by code.
struct PlaceTables {
  std::unique_ptr<Tables> catalog;
  std::map<std::string, std::unique_ptr<Tables>> regions;
};
// The regions that are wanted, for which it may ask the catalog.
using ChooseRegions = std::function<Result<std::vector<std::string>>(Transaction& catalog)>;

class StorePlace {
 public:
  StorePlace() = default;
  StorePlace(const StorePlace&) = delete;
  StorePlace& operator=(const StorePlace&) = delete;
  virtual ~StorePlace() = default;

  // Whether stores.h opens it so that rows without an authority code are accepted
  // (keys/authority.h). The operator says so; nothing in a database can.
  void accept_uncoded_rows(bool accept) { accepts_uncoded_rows_ = accept; }
  [[nodiscard]] bool accepts_uncoded_rows() const { return accepts_uncoded_rows_; }

  // For messages.
  [[nodiscard]] virtual std::string name() const = 0;
  [[nodiscard]] virtual std::string name_of_catalog() const = 0;
  [[nodiscard]] virtual std::string name_of_region(std::string_view code) const = 0;

  // What to do where there is no catalog.
  [[nodiscard]] virtual std::string hint_without_catalog() const = 0;

  // Several servers may use it at once.
  [[nodiscard]] virtual bool is_shared() const = 0;
  // Locks the place for a server, until the object is destroyed: ErrorCode::conflict while another
  // process has the lock. A place that is shared has no such lock.
  virtual Result<void> lock_for_server() = 0;

  // Makes room for a first catalog: the directory of the files.
  virtual Result<void> make() = 0;
  virtual Result<bool> has_catalog() = 0;
  virtual Result<bool> has_region(std::string_view code) = 0;
  // Make what is not there, and migrate it. A newer schema is refused. A data directory is locked
  // for the migration (ErrorCode::conflict): a server of an older version would go on writing data
  // that the migration has moved.
  virtual Result<std::unique_ptr<Database>> open_catalog() = 0;
  virtual Result<std::unique_ptr<Database>> open_region(std::string_view code) = 0;
  // Opens a region's store for a region node. Creates no store: ErrorCode::not_found if there is
  // none. In a PostgreSQL schema, it needs no right to change the schema, and migrates nothing:
  // ErrorCode::conflict for an older schema.
  virtual Result<std::unique_ptr<Database>> join_region(std::string_view code) = 0;
  // Returns the name of the database that has this region's store; absent if the store is in this
  // place (region_databases.h).
  [[nodiscard]] virtual std::optional<std::string> region_database(std::string_view code) const {
    (void)code;
    return std::nullopt;
  }

  // Opens and locks all tables of a catalog or a region that exists. Migrates nothing: refuses an
  // older and a newer schema.
  virtual Result<std::unique_ptr<Tables>> lock_catalog_tables() = 0;
  virtual Result<std::unique_ptr<Tables>> lock_region_tables(std::string_view code) = 0;

  // The tables for reading, as they all were at one moment, while servers go on. A region with a
  // database of its own cannot be among them. Nothing is migrated either.
  virtual Result<PlaceTables> read_tables(const ChooseRegions& choose) = 0;

 private:
  bool accepts_uncoded_rows_ = false;
};

// Opening its catalog refuses a directory that somebody else owns or may use (data_directory.h).
// Before a migration the file is copied.
std::unique_ptr<StorePlace> data_directory_place(std::string directory);

struct PostgresPlace {
  std::string url;  // as parse_postgres_url() takes it (database/postgres_options.h)
  bool allow_plain = false;
  UrlPassword password = UrlPassword::refused;
  std::string schema_prefix = "agent-secrets-";
};
// Errors: those of parse_postgres_url(). It does not connect.
Result<std::unique_ptr<StorePlace>> postgres_place(PostgresPlace place);

}  // namespace agent_secrets::control_plane
