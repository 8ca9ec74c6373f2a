#include "control-plane/commands/first_catalog.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

class InDirectory final : public FirstCatalog {
 public:
  explicit InDirectory(fs::path directory)
      : directory_(std::move(directory)), place_(data_directory_place(staging())) {}

  [[nodiscard]] fs::path staging() const { return directory_ / ".init"; }
  [[nodiscard]] StorePlace& place() override { return *place_; }
  Result<void> move_into_place() override {
    return control_plane::move_into_place(staging(), directory_);
  }

 private:
  const fs::path directory_;
  std::unique_ptr<StorePlace> place_;
};

}  // namespace

Result<std::unique_ptr<FirstCatalog>> first_catalog_in_directory(const std::string& directory,
                                                                 Undo& undo) {
  std::error_code ignored;
  if (fs::exists(fs::path(directory) / kCatalogFile, ignored)) {
    return fail(ErrorCode::conflict, directory + " already holds a catalog",
                "use it with serve, or choose another --data-dir");
  }
  if (auto made = make_data_directory(directory, undo); !made) return propagate(made);
  auto first = std::make_unique<InDirectory>(directory);
  fs::remove_all(first->staging(), ignored);
  undo.add(first->staging());
  return first;
}

}  // namespace agent_secrets::control_plane
