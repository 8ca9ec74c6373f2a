#include "control-plane/commands/init_files.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include "control-plane/data_directory.h"
#include "core/write_file.h"

namespace agent_secrets::control_plane {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> file_failure(std::string_view what, const fs::path& path,
                                    const std::error_code& error) {
  return fail(ErrorCode::failed, std::string(what) + " " + path.string() + ": " + error.message());
}

// Absolute and without a trailing slash. std::filesystem::weakly_canonical alone changes neither a
// relative path whose first part does not exist, nor a trailing slash.
fs::path plain(const fs::path& path) {
  std::error_code ignored;
  const fs::path absolute = fs::weakly_canonical(fs::absolute(path, ignored), ignored);
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

Result<void> make_private(const fs::path& directory) {
  std::error_code error;
  const bool empty = fs::is_empty(directory, error);
  if (!error && empty) fs::permissions(directory, fs::perms::owner_all, error);
  if (error) return file_failure("open data directory", directory, error);
  return {};
}

}  // namespace

Undo::~Undo() {
  std::error_code ignored;  // a destructor cannot report an error
  for (const auto& [path, is_parent] : made_) {
    is_parent ? (void)fs::remove(path, ignored) : (void)fs::remove_all(path, ignored);
  }
}

void Undo::add(fs::path path) { made_.insert(made_.begin(), {std::move(path), false}); }

void Undo::add_parent(fs::path path) { made_.insert(made_.begin(), {std::move(path), true}); }

bool is_inside(const fs::path& directory, const std::string& file) {
  if (file.empty()) return false;
  const fs::path outer = plain(directory);
  const auto [end, unused] = std::ranges::mismatch(outer, plain(file));
  return end == outer.end();
}

Result<void> make_parents(const fs::path& path, Undo& undo) {
  std::error_code ignored;  // mkdir below fails too, and reports the cause
  std::vector<fs::path> missing;
  for (fs::path parent = plain(path).parent_path();
       parent.has_relative_path() && !fs::exists(parent, ignored); parent = parent.parent_path()) {
    missing.insert(missing.begin(), parent);
  }
  for (const fs::path& directory : missing) {
    if (::mkdir(directory.c_str(), 0700) == 0) {
      undo.add_parent(directory);
    } else if (errno != EEXIST) {
      return fail(ErrorCode::failed, "create " + directory.string() + ": " + errno_message(errno),
                  "choose --data-dir, --master-key-file and --env-file in directories that this "
                  "user may write to, or run this as root");
    }
  }
  return {};
}

Result<void> make_data_directory(const fs::path& directory, Undo& undo) {
  if (auto made = make_parents(directory, undo); !made) return made;
  if (::mkdir(directory.c_str(), 0700) == 0) {
    undo.add(directory);
    return {};
  }
  if (errno == EEXIST) {
    if (auto ours = check_owner_of_directory(directory); !ours) return ours;
    if (auto made = make_private(directory); !made) return made;
    return check_data_directory(directory);
  }
  return fail(ErrorCode::failed,
              "create data directory " + directory.string() + ": " + errno_message(errno),
              "choose a --data-dir whose parent this user may write to");
}

Result<void> move_into_place(const fs::path& staging, const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator(staging, error)) {
    if (entry.path().filename() != kCatalogFile) names.push_back(entry.path().filename());
  }
  if (error) return file_failure("read", staging, error);
  names.emplace_back(kCatalogFile);
  // SQLite would apply the log of an earlier database of this name to the new database.
  for (const fs::path& name : names) {
    for (const char* log : {"-wal", "-shm"}) {
      fs::remove(directory / (name.string() + log), error);
      if (error) return file_failure("remove", directory / (name.string() + log), error);
    }
  }
  for (const fs::path& name : names) {
    fs::rename(staging / name, directory / name, error);
    if (error) return file_failure("move into place", directory / name, error);
  }
  fs::remove(staging, error);
  if (error) return file_failure("remove", staging, error);
  return sync_directory(directory.string());
}

}  // namespace agent_secrets::control_plane
