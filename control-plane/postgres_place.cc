#include <map>
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/migrations.h"
#include "control-plane/database/postgres_database.h"
#include "control-plane/store_place.h"

namespace agent_secrets::control_plane {
namespace {

// Longer names are cut by the server, and two regions could get one name
// (postgresql.org/docs/15/limits.html, "identifier length").
constexpr std::size_t kSchemaNameMax = 63;

class PostgresStorePlace final : public StorePlace {
 public:
  PostgresStorePlace(PostgresPlace place, std::string name)
      : place_(std::move(place)), name_(std::move(name)) {}

  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] std::string name_of_catalog() const override {
    return "the schema " + catalog_schema();
  }
  [[nodiscard]] std::string name_of_region(std::string_view code) const override {
    return "the schema " + region_schema(code);
  }

  [[nodiscard]] std::string hint_without_catalog() const override {
    return "create one with secret-control-plane init, or check the URL of the database";
  }

  [[nodiscard]] bool is_shared() const override { return true; }
  Result<void> lock_for_server() override { return {}; }

  // A migration makes the schemas.
  Result<void> make() override { return {}; }
  Result<bool> has_catalog() override { return has(catalog_schema()); }
  Result<bool> has_region(std::string_view code) override { return has(region_schema(code)); }
  Result<std::unique_ptr<Database>> open_catalog() override {
    return open(catalog_schema(), catalog_migrations());
  }
  Result<std::unique_ptr<Database>> open_region(std::string_view code) override {
    return open(region_schema(code), region_migrations());
  }
  Result<std::unique_ptr<Database>> join_region(std::string_view code) override {
    const std::string schema = region_schema(code);
    auto database = connect(schema);
    if (!database) return propagate(database);
    auto found = schema_version((*database)->pool());
    if (!found) return propagate(found);
    if (auto ok = check_joined(schema, *found); !ok) return propagate(ok);
    return std::move(*database);
  }
  Result<std::unique_ptr<Tables>> lock_catalog_tables() override {
    return lock_tables(catalog_schema(), catalog_migrations());
  }
  Result<std::unique_ptr<Tables>> lock_region_tables(std::string_view code) override {
    return lock_tables(region_schema(code), region_migrations());
  }

  Result<PlaceTables> read_tables(const ChooseRegions& choose) override {
    PlaceTables tables;
    auto catalog = read_tables_of(catalog_schema(), catalog_migrations(), "");
    if (!catalog) return propagate(catalog);
    tables.catalog = std::move(*catalog);
    auto codes = choose(tables.catalog->transaction());
    if (!codes) return propagate(codes);
    const std::string moment = tables.catalog->moment();
    for (const std::string& code : *codes) {
      auto region = read_tables_of(region_schema(code), region_migrations(), moment);
      if (!region) return propagate(region, "region " + code);
      tables.regions.emplace(code, std::move(*region));
    }
    return tables;
  }

 private:
  [[nodiscard]] std::string catalog_schema() const { return place_.schema_prefix + "catalog"; }
  [[nodiscard]] std::string region_schema(std::string_view code) const {
    return fmt::format("{}region-{}", place_.schema_prefix, code);
  }

  [[nodiscard]] Result<PostgresOptions> options_of(const std::string& schema) const {
    if (schema.size() <= kSchemaNameMax) {
      return parse_postgres_url(place_.url, schema, place_.allow_plain, place_.password);
    }
    return fail(ErrorCode::invalid,
                fmt::format("the schema {} would need a name of more than {} bytes", schema,
                            kSchemaNameMax),
                "give the region a shorter code");
  }

  [[nodiscard]] Result<void> check_joined(const std::string& schema, int found) const {
    const auto known = static_cast<int>(region_migrations().postgres.size());
    if (found == 0) {
      return fail(
          ErrorCode::not_found, fmt::format("{} has no schema {}", name_, schema),
          "check the region's code and the URL of its database; region add creates the schema");
    }
    if (found == known) return {};
    if (found > known) return check_not_newer(name_, found, known);
    return fail(ErrorCode::conflict,
                fmt::format("{}: the schema {} has version {}, and this version needs {}", name_,
                            schema, found, known),
                "upgrade the servers with the catalog first: they migrate the schema");
  }

  Result<bool> has(const std::string& schema) {
    auto database = connect(schema);
    if (!database) return propagate(database);
    auto version = schema_version((*database)->pool());
    connected_[schema] = std::move(*database);
    if (!version) return propagate(version);
    return *version > 0;
  }

  Result<std::unique_ptr<Database>> open(const std::string& schema, const Migrations& migrations) {
    auto database = connect(schema);
    if (!database) return propagate(database);
    if (auto ok = migrate((*database)->pool(), migrations.postgres); !ok) return propagate(ok);
    return std::move(*database);
  }

  [[nodiscard]] Result<std::unique_ptr<Tables>> lock_tables(const std::string& schema,
                                                            const Migrations& migrations) const {
    auto options = options_of(schema);
    if (!options) return propagate(options);
    return if_known(open_postgres_tables(*options), schema, migrations);
  }
  [[nodiscard]] Result<std::unique_ptr<Tables>> read_tables_of(const std::string& schema,
                                                               const Migrations& migrations,
                                                               std::string_view moment) const {
    auto options = options_of(schema);
    if (!options) return propagate(options);
    return if_known(read_postgres_tables(*options, moment), schema, migrations);
  }
  static Result<std::unique_ptr<Tables>> if_known(Result<std::unique_ptr<Tables>> tables,
                                                  const std::string& schema,
                                                  const Migrations& migrations) {
    if (!tables) return tables;
    auto ok = check_is_known(schema, (*tables)->schema_version(), migrations.postgres.size());
    if (!ok) return propagate(ok);
    return tables;
  }

  Result<std::unique_ptr<PostgresDatabase>> connect(const std::string& schema) {
    if (auto kept = connected_.extract(schema)) return std::move(kept.mapped());
    auto options = options_of(schema);
    if (!options) return propagate(options);
    return PostgresDatabase::open(std::move(*options));
  }

  const PostgresPlace place_;
  const std::string name_;  // without user and password
  // By schema: what has() has connected to is most often opened next.
  std::map<std::string, std::unique_ptr<PostgresDatabase>> connected_;
};

}  // namespace

Result<std::unique_ptr<StorePlace>> postgres_place(PostgresPlace place) {
  auto options =
      parse_postgres_url(place.url, place.schema_prefix, place.allow_plain, place.password);
  if (!options) return propagate(options);
  return std::make_unique<PostgresStorePlace>(std::move(place), std::move(options->name));
}

}  // namespace agent_secrets::control_plane
