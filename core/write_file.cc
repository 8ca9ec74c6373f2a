#include "core/write_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/encoding.h"

namespace agent_secrets {
namespace {

std::unexpected<Error> fail_errno(std::string_view what, std::string_view name) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, name, errno_message(errno)));
}

std::string temporary_name(std::string_view name, bool is_locked) {
  constexpr std::size_t kRandomBytes = 9;
  return is_locked ? fmt::format(".{}.new", name)
                   : fmt::format(".{}.{}", name, random_token(kRandomBytes));
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && !name.contains('/');
}

UniqueFd open_new(int folder, const std::string& name, mode_t mode) {
  return UniqueFd(
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
}

Result<void> sync_file(int fd, std::string_view path) {
  return ::fsync(fd) == 0 ? Result<void>() : fail_errno("fsync", path);
}

}  // namespace

Result<void> write_all(int fd, std::string_view bytes, std::string_view path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return fail_errno("write", path);
    }
  }
  return {};
}

Result<void> create_private_file(const std::string& path, std::string_view content) {
  const UniqueFd file = open_new(AT_FDCWD, path, 0600);
  if (!file.is_open()) {
    const ErrorCode code = errno == EEXIST ? ErrorCode::conflict : ErrorCode::failed;
    return fail(code, fmt::format("create {}: {}", path, errno_message(errno)));
  }
  Result<void> written;
  // The umask may have taken bits away.
  if (::fchmod(file.get(), 0600) != 0) written = fail_errno("chmod", path);
  if (written) written = write_all(file.get(), content, path);
  if (written) written = sync_file(file.get(), path);
  if (!written) ::unlink(path.c_str());
  return written;
}

Result<void> sync_directory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return fail_errno("open", directory);
  return sync_file(fd.get(), directory);
}

Result<void> replace_file(int folder, std::string_view name, std::string_view content,
                          const ReplaceOptions& options) {
  auto replacement = FileReplacement::begin(folder, name, options);
  if (!replacement) return propagate(replacement);
  if (auto written = replacement->write(content); !written) return written;
  auto placed = replacement->put_in_place();
  if (!placed) return propagate(placed);
  return {};
}

FileReplacement::FileReplacement(int folder, std::string_view name, const ReplaceOptions& options)
    : folder_(folder),
      name_(name),
      temporary_(temporary_name(name, options.is_locked)),
      options_(options) {}

FileReplacement::~FileReplacement() {
  if (file_.is_open()) ::unlinkat(folder_, temporary_.c_str(), 0);
}

Result<FileReplacement> FileReplacement::begin(int folder, std::string_view name,
                                               const ReplaceOptions& options) {
  if (!is_file_name(name)) {
    return fail(ErrorCode::invalid, fmt::format("'{}' is not the name of a file", name));
  }
  FileReplacement replacement(folder, name, options);
  if (auto created = replacement.create(); !created) return propagate(created);
  return replacement;
}

Result<void> FileReplacement::create() {
  file_ = open_new(folder_, temporary_, options_.mode);
  if (!file_.is_open() && errno == EEXIST) {
    if (::unlinkat(folder_, temporary_.c_str(), 0) != 0 && errno != ENOENT) {
      return fail_errno("remove", temporary_);
    }
    file_ = open_new(folder_, temporary_, options_.mode);
  }
  if (!file_.is_open()) return fail_errno("create", name_);
  // The umask may have taken bits away.
  if (::fchmod(file_.get(), options_.mode) != 0) return fail_errno("chmod", name_);
  return {};
}

Result<void> FileReplacement::write(std::string_view content) {
  return write_all(file_.get(), content, name_);
}

Result<UniqueFd> FileReplacement::put_in_place() {
  if (options_.is_synced) {
    if (auto synced = sync_file(file_.get(), name_); !synced) return propagate(synced);
  }
  if (::renameat(folder_, temporary_.c_str(), folder_, name_.c_str()) != 0) {
    return fail_errno("rename to", name_);
  }
  UniqueFd placed = std::move(file_);
  if (options_.is_synced) {
    if (auto synced = sync_file(folder_, name_ + "'s directory"); !synced) return propagate(synced);
  }
  return placed;
}

}  // namespace agent_secrets
