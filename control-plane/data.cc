#include "control-plane/data.h"

#include <utility>

namespace agent_secrets::control_plane {

PostgresPlace postgres_place_of(const DataOptions& options) {
  return {
      .url = options.database,
      .allow_plain = options.allow_plain_database,
      .password = options.database_is_of_environment ? UrlPassword::allowed : UrlPassword::refused};
}

Result<std::unique_ptr<StorePlace>> place_of(const DataOptions& options) {
  if (options.database.empty()) return data_directory_place(options.data_directory);
  return postgres_place(postgres_place_of(options));
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
  return open_stores(*data->place, data->master_key, clock);
}

}  // namespace agent_secrets::control_plane
