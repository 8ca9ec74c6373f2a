#pragma once
// The files and directories that `init` makes, and how they are removed when it fails.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace agent_secrets::control_plane {

inline constexpr const char* kCatalogFile = "catalog.db";

// Removes what was added, the newest first, unless forget() was called.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo();
  void add(std::filesystem::path path);
  // Removed only if it is empty: another process may have created files there.
  void add_parent(std::filesystem::path path);
  void forget() { made_.clear(); }

 private:
  std::vector<std::pair<std::filesystem::path, bool>> made_;  // the newest first
};

// Whether the file is in the directory, however the two are spelled. They need not exist.
bool is_inside(const std::filesystem::path& directory, const std::string& file);

// Makes the missing directories above a file or directory, for this user alone.
Result<void> make_parents(const std::filesystem::path& path, Undo& undo);

// Makes the directory, for this user alone. An existing empty directory becomes private, because a
// fresh volume is often 0755; a directory that holds other files has to be private already.
Result<void> make_data_directory(const std::filesystem::path& directory, Undo& undo);

// Moves all files of `staging` into the directory, the catalog last, and removes `staging`. Removes
// the logs that earlier databases of the same names have left.
Result<void> move_into_place(const std::filesystem::path& staging,
                             const std::filesystem::path& directory);

}  // namespace agent_secrets::control_plane
