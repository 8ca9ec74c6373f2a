#include "injector/path_file.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/unique_fd.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

constexpr std::string_view kNoun = "directory of a secret file";
constexpr mode_t kMode = 0400;
constexpr const char* kPlaceHint =
    "name a path in a directory that is there, or whose parent is, on a tmpfs that this user may "
    "write to";

std::string parent_of(const std::string& path) { return std::filesystem::path(path).parent_path(); }

std::string name_of(const std::string& path) { return std::filesystem::path(path).filename(); }

std::unexpected<Error> fail_errno(std::string_view what, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, path, errno_message(errno)),
              kPlaceHint);
}

Error with_hint(Error error) {
  if (error.hint.empty()) error.hint = kPlaceHint;
  return error;
}

uid_t owner_of(const PathFileOptions& options) {
  return options.user ? options.user->user : ::geteuid();
}

Result<void> check_file_system(int directory, const std::string& path, bool allow_disk) {
  struct statfs system{};
  if (::fstatfs(directory, &system) != 0) return fail_errno("statfs", path);
  if (allow_disk || system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC) return {};
  return fail(ErrorCode::untrusted, fmt::format("{} is not on a tmpfs", path),
              "mount a tmpfs there, or let the value be written to that file system with "
              "--allow-disk");
}

Result<void> check_existing(int directory, const std::string& path, uid_t owner) {
  struct stat status{};
  if (::fstatat(directory, name_of(path).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<void>() : fail_errno("stat", path);
  }
  const bool is_ours = status.st_uid == owner || status.st_uid == ::geteuid();
  if (is_ours && status.st_mode == (S_IFREG | kMode)) return {};
  return fail(ErrorCode::conflict,
              fmt::format("{} is there already, and no earlier start made it", path),
              "name another path, or remove what is there");
}

Result<void> check_place(int directory, const std::string& path, const PathFileOptions& options) {
  const uid_t owner = owner_of(options);
  if (auto owned = check_directory(directory, parent_of(path), Writers::owner, owner); !owned) {
    return owned;
  }
  auto system = check_file_system(directory, parent_of(path), options.allow_disk);
  return system ? check_existing(directory, path, owner) : system;
}

Result<UniqueFd> open_place(const std::string& path, const PathFileOptions& options) {
  // Checked before anything is made, so a refusal leaves no directory behind.
  if (auto possible = check_path_file(path, options); !possible) return propagate(possible);
  auto made = make_directory(parent_of(path), kNoun, 0700);
  if (!made) return std::unexpected(with_hint(made.error()));
  if (made->is_new && options.user &&
      ::fchown(made->fd.get(), options.user->user, options.user->group) != 0) {
    return fail_errno("chown", parent_of(path));
  }
  if (auto good = check_place(made->fd.get(), path, options); !good) return propagate(good);
  return std::move(made->fd);
}

// Writes the file and renames it to its path. Returns its device and inode.
Result<struct stat> write_value(int directory, const std::string& path, std::string_view content,
                                const PathFileOptions& options) {
  auto file = FileReplacement::begin(directory, name_of(path), {.mode = kMode});
  if (!file) return propagate(file);
  if (options.user && ::fchown(file->fd(), options.user->user, options.user->group) != 0) {
    return fail_errno("chown", name_of(path));
  }
  if (auto written = file->write(content); !written) return propagate(written);
  struct stat status{};
  if (::fstat(file->fd(), &status) != 0) return fail_errno("stat", name_of(path));
  if (auto placed = file->put_in_place(); !placed) return propagate(placed);
  return status;
}

}  // namespace

Result<PathFile> PathFile::make(const std::string& path, std::string_view content,
                                const PathFileOptions& options) {
  auto directory = open_place(path, options);
  if (!directory) return propagate(directory);
  const auto written = write_value(directory->get(), path, content, options);
  if (!written) return std::unexpected(with_hint(written.error()).within(parent_of(path)));
  return PathFile({.path = path, .device = written->st_dev, .inode = written->st_ino});
}

// Removes it by its path: after a failed exec the descriptors are closed, and root may be given up.
PathFile::~PathFile() {
  if (record_) (void)remove_file(*record_);
}

Result<void> check_path_file(const std::string& path, const PathFileOptions& options) {
  const auto directory = open_directory(parent_of(path), kNoun);
  if (directory) return check_place(directory->get(), path, options);
  if (directory.error().code != ErrorCode::not_found) {
    return std::unexpected(with_hint(directory.error()));
  }
  const auto parent = open_directory(parent_of(parent_of(path)), kNoun);
  if (!parent) return std::unexpected(with_hint(parent.error()));
  return check_file_system(parent->get(), parent_of(path), options.allow_disk);
}

}  // namespace agent_secrets
