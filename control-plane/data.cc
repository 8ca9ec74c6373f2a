#include "control-plane/data.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "control-plane/region_databases.h"
#include "core/printable.h"

namespace agent_secrets::control_plane {
namespace {

void warn_of_unreachable(const Stores& stores) {
  for (const auto& [code, why] : stores.unreachable) {
    const std::string warning =
        fmt::format("warning: region {} is left out: {}", code, why.message);
    (void)std::fprintf(stderr, "%s\n", printable(warning).c_str());
  }
}

}  // namespace

PostgresPlace postgres_place_of(const DataOptions& options) {
  return {
      .url = options.database,
      .allow_plain = options.allow_plain_database,
      .password = options.database_is_of_environment ? UrlPassword::allowed : UrlPassword::refused};
}

Result<std::unique_ptr<StorePlace>> place_of(const DataOptions& options) {
  auto regions = region_databases_of(options);
  if (!regions) return propagate(regions);
  auto catalog_place =
      options.database.empty()
          ? Result<std::unique_ptr<StorePlace>>(data_directory_place(options.data_directory))
          : postgres_place(postgres_place_of(options));
  if (!catalog_place) return propagate(catalog_place);
  auto place = with_region_databases(std::move(*catalog_place), std::move(*regions));
  place->accept_uncoded_rows(options.accept_uncoded_rows);
  return place;
}

Result<Data> find_data(const DataOptions& options) {
  auto place = place_of(options);
  if (!place) return propagate(place);
  auto master_key = MasterKey::load(options.master_key_file);
  if (!master_key) return propagate(master_key, "master key");
  return Data{.place = std::move(*place), .master_key = std::move(*master_key)};
}

Result<Stores> open_data(const DataOptions& options, const Clock& clock) {
  auto data = find_data(options);
  if (!data) return propagate(data);
  auto stores = open_stores(*data->place, data->master_key, clock);
  if (stores) warn_of_unreachable(*stores);
  return stores;
}

Result<NodeData> find_node_data(const DataOptions& options) {
  auto keys = load_region_keys(options.region_keys_file, options.only_region);
  if (!keys) return propagate(keys, "region keys");
  const auto node_data = [&](std::unique_ptr<StorePlace> place) {
    place->accept_uncoded_rows(options.accept_uncoded_rows);
    return NodeData{.place = std::move(place), .keys = std::move(*keys)};
  };
  if (!options.data_directory.empty()) {
    return node_data(data_directory_place(options.data_directory));
  }
  auto databases = region_databases_of(options);
  if (!databases) return propagate(databases);
  const auto own = databases->find(options.only_region);
  if (own != databases->end()) {
    return node_data(std::move(own->second));
  }
  return fail(ErrorCode::invalid,
              "--region-database names no database of region " + options.only_region,
              "give --region-database " + options.only_region + "=URL");
}

}  // namespace agent_secrets::control_plane
