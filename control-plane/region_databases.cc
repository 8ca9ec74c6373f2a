#include "control-plane/region_databases.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {
namespace {

class PlaceWithRegionDatabases final : public StorePlace {
 public:
  PlaceWithRegionDatabases(std::unique_ptr<StorePlace> place, RegionDatabases regions)
      : place_(std::move(place)), regions_(std::move(regions)) {}

  [[nodiscard]] std::string name() const override { return place_->name(); }
  [[nodiscard]] std::string name_of_catalog() const override { return place_->name_of_catalog(); }
  [[nodiscard]] std::string name_of_region(std::string_view code) const override {
    const auto own = region_database(code);
    const std::string name = of(code).name_of_region(code);
    return own ? fmt::format("{} in {}", name, *own) : name;
  }
  [[nodiscard]] std::string hint_without_catalog() const override {
    return place_->hint_without_catalog();
  }

  [[nodiscard]] bool is_shared() const override { return place_->is_shared(); }
  Result<void> lock_for_server() override { return place_->lock_for_server(); }

  Result<void> make() override { return place_->make(); }
  Result<bool> has_catalog() override { return place_->has_catalog(); }
  Result<bool> has_region(std::string_view code) override { return of(code).has_region(code); }
  Result<std::unique_ptr<Database>> open_catalog() override { return place_->open_catalog(); }
  Result<std::unique_ptr<Database>> open_region(std::string_view code) override {
    return of(code).open_region(code);
  }
  Result<std::unique_ptr<Database>> join_region(std::string_view code) override {
    return of(code).join_region(code);
  }
  Result<std::unique_ptr<Tables>> lock_catalog_tables() override {
    return place_->lock_catalog_tables();
  }
  Result<std::unique_ptr<Tables>> lock_region_tables(std::string_view code) override {
    return of(code).lock_region_tables(code);
  }
  Result<PlaceTables> read_tables(const ChooseRegions& choose) override {
    return place_->read_tables(choose);
  }
  [[nodiscard]] std::optional<std::string> region_database(std::string_view code) const override {
    const auto own = regions_.find(std::string(code));
    if (own == regions_.end()) return std::nullopt;
    return own->second->name();
  }

 private:
  [[nodiscard]] StorePlace& of(std::string_view code) const {
    const auto own = regions_.find(std::string(code));
    return own == regions_.end() ? *place_ : *own->second;
  }

  const std::unique_ptr<StorePlace> place_;
  const RegionDatabases regions_;
};

std::string setting_of(std::string_view code) { return fmt::format("region_database {}", code); }

std::unexpected<Error> refuse_option(std::string message) {
  return fail(ErrorCode::invalid, std::move(message),
              "write CODE=URL, such as eu-central=postgresql://secrets@db.example.com/secrets");
}

}  // namespace

Result<RegionDatabases> region_databases_of(const DataOptions& options) {
  RegionDatabases regions;
  for (const std::string& pair : options.region_databases) {
    const std::size_t end = pair.find('=');
    const std::string code = pair.substr(0, end);
    if (end == std::string::npos || !check_plain_name("Region", code)) {
      return refuse_option("--region-database: there is no valid region code before the URL");
    }
    if (regions.contains(code)) {
      return refuse_option(fmt::format("--region-database: region {} has two databases", code));
    }
    auto place = postgres_place({.url = pair.substr(end + 1),
                                 .allow_plain = options.allow_plain_database,
                                 .password = options.region_databases_are_of_environment
                                                 ? UrlPassword::allowed
                                                 : UrlPassword::refused});
    if (!place) return propagate(place, "region " + code);
    regions.emplace(code, std::move(*place));
  }
  return regions;
}

std::unique_ptr<StorePlace> with_region_databases(std::unique_ptr<StorePlace> place,
                                                  RegionDatabases regions) {
  if (regions.empty()) return place;
  return std::make_unique<PlaceWithRegionDatabases>(std::move(place), std::move(regions));
}

Result<void> check_region_database(const StorePlace& place, Catalog& catalog,
                                   std::string_view code) {
  if (place.region_database(code)) return {};
  auto recorded = catalog.settings.find(setting_of(code));
  if (!recorded) return propagate(recorded);
  if (!*recorded) return {};
  return fail(
      ErrorCode::invalid, fmt::format("its store is in another database, {}", **recorded),
      fmt::format("give --region-database {}=URL, or AGENT_SECRETS_REGION_DATABASES", code));
}

Result<void> record_region_database(const StorePlace& place, Catalog& catalog,
                                    std::string_view code) {
  const auto own = place.region_database(code);
  if (!own) return {};
  auto recorded = catalog.settings.find(setting_of(code));
  if (!recorded) return propagate(recorded);
  return *recorded == own ? Result<void>() : catalog.settings.put(setting_of(code), *own);
}

}  // namespace agent_secrets::control_plane
