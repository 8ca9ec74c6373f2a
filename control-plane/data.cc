#include "control-plane/data.h"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include "control-plane/keys/key_file.h"
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

Result<std::unique_ptr<StorePlace>> place_of_node(const DataOptions& options) {
  if (!options.data_directory.empty()) return data_directory_place(options.data_directory);
  auto databases = region_databases_of(options);
  if (!databases) return propagate(databases);
  const auto own = databases->find(options.only_region);
  if (own != databases->end()) return std::move(own->second);
  return fail(ErrorCode::invalid,
              "--region-database names no database of region " + options.only_region,
              "give --region-database " + options.only_region + "=URL");
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

Result<MasterKey> load_master_key(const DataOptions& options) {
  auto key = MasterKey::load(MasterKeySource{.file = options.master_key_file,
                                             .command = options.master_key_command,
                                             .variable = kMasterKeyVariable});
  if (!key) return propagate(key, "master key");
  const MasterKeySource before{.file = options.previous_master_key_file,
                               .command = options.previous_master_key_command};
  if (before.file.empty() && before.command.empty()) return key;
  auto previous = MasterKey::load(before);
  if (!previous) return propagate(previous, "previous master key");
  return key->with_previous(*previous);
}

Result<Data> find_data(const DataOptions& options) {
  auto place = place_of(options);
  if (!place) return propagate(place);
  auto master_key = load_master_key(options);
  if (!master_key) return propagate(master_key);
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
  const bool is_variable = has_key_variable(kRegionKeysVariable);
  auto keys = load_region_keys(options.region_keys_file, options.only_region);
  if (!keys) return propagate(keys, "region keys");
  auto place = place_of_node(options);
  if (!place) return propagate(place);
  (*place)->accept_uncoded_rows(options.accept_uncoded_rows);
  NodeData data{.place = std::move(*place), .keys = std::move(*keys), .load = {}};
  if (!is_variable) {
    data.load = [file = options.region_keys_file, code = options.only_region] {
      return load_region_keys(file, code);
    };
  }
  return data;
}

}  // namespace agent_secrets::control_plane
