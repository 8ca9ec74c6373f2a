#include "control-plane/commands/first_catalog.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "control-plane/data.h"
#include "control-plane/data_directory.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

class InDirectory final : public FirstCatalog {
 public:
  InDirectory(fs::path directory, UniqueFd lock, RegionDatabases regions)
      : directory_(std::move(directory)),
        lock_(std::move(lock)),
        place_(with_region_databases(data_directory_place(staging()), std::move(regions))) {}

  [[nodiscard]] fs::path staging() const { return directory_ / ".init"; }
  [[nodiscard]] StorePlace& place() override { return *place_; }
  Result<void> move_into_place() override {
    return control_plane::move_into_place(staging(), directory_);
  }

 private:
  const fs::path directory_;
  const UniqueFd lock_;
  std::unique_ptr<StorePlace> place_;
};

Result<void> refuse_catalog(const fs::path& directory) {
  std::error_code ignored;  // then the directory cannot be locked either
  if (!fs::exists(directory / kCatalogFile, ignored)) return {};
  return fail(ErrorCode::conflict, directory.string() + " already holds a catalog",
              "use it with serve, or choose another --data-dir");
}

}  // namespace

Result<std::unique_ptr<FirstCatalog>> first_catalog_in_directory(const std::string& directory,
                                                                 RegionDatabases regions,
                                                                 Undo& undo) {
  std::error_code ignored;
  if (auto empty = refuse_catalog(directory); !empty) return propagate(empty);
  if (auto made = make_data_directory(directory, undo); !made) return propagate(made);
  auto lock = lock_data_directory(directory);
  if (!lock) return propagate(lock);
  // The process that had the lock until now may have made one.
  if (auto empty = refuse_catalog(directory); !empty) return propagate(empty);
  auto first = std::make_unique<InDirectory>(directory, std::move(*lock), std::move(regions));
  fs::remove_all(first->staging(), ignored);
  undo.add(first->staging());
  return first;
}

Result<void> put_in_place(FirstCatalog& first, Undo& undo) {
  auto moved = first.move_into_place();
  if (moved || moved.error().code == ErrorCode::unavailable) undo.forget();
  return moved;
}

Result<std::unique_ptr<FirstCatalog>> first_catalog_of(const DataOptions& options, Undo& undo,
                                                       std::chrono::milliseconds at_most) {
  auto regions = region_databases_of(options);
  if (!regions) return propagate(regions);
  if (options.data_directory.empty()) {
    return first_catalog_in_database(postgres_place_of(options), std::move(*regions), at_most);
  }
  if (is_inside(options.data_directory, options.master_key_file)) {
    return fail(ErrorCode::invalid, "the master key file is inside the data directory",
                "store it elsewhere: a copy of the data must not contain the master key");
  }
  return first_catalog_in_directory(options.data_directory, std::move(*regions), undo);
}

}  // namespace agent_secrets::control_plane
