#include "injector/cache_directory.h"

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "injector/file.h"

namespace agent_secrets {
namespace {

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, path, errno_message(errno)));
}

std::unexpected<Error> refusal(const std::string& path, std::string_view why, std::string hint) {
  return fail(ErrorCode::untrusted, fmt::format("{}: {}", path, why), std::move(hint));
}

// The kubelet gives a volume to the pod's group at every mount, unless fsGroupChangePolicy says
// otherwise.
constexpr std::string_view kGroupHint =
    "use a directory of this user alone; a missing one is made with mode 0700. With fsGroup in "
    "Kubernetes: a directory inside the volume, and fsGroupChangePolicy: OnRootMismatch";

// The directory may be root's (made by the image), but only its owner may write to it: who can
// rename in it can bring back an older bundle.
Result<void> check_directory(int fd, const std::string& path) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return system_failure("stat", path);
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return refusal(path, "the directory belongs to another user",
                   "use a directory of this user alone; a missing one is made with mode 0700");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refusal(
        path,
        fmt::format("others may write to the directory (mode {:04o})", status.st_mode & 07777U),
        std::string(kGroupHint));
  }
  return {};
}

Result<void> check_file(const struct stat& status, const std::string& path) {
  const std::string hint(kRemoveFileHint);
  if (!S_ISREG(status.st_mode)) return refusal(path, "not a plain file", hint);
  if (status.st_uid != ::geteuid()) return refusal(path, "it belongs to another user", hint);
  if ((status.st_mode & 07777U) != 0600) {
    return refusal(path, fmt::format("its mode is {:04o}, not 0600", status.st_mode & 07777U),
                   hint);
  }
  if (status.st_nlink != 1) return refusal(path, "it has a second name (hard link)", hint);
  return {};
}

}  // namespace

Result<CacheDirectory> CacheDirectory::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(ErrorCode::failed,
                fmt::format("cache: make cache directory {}: {}", path, errno_message(errno)),
                "make it, or its parent, on a disk that this user can write to");
  }
  return open_existing(path);
}

Result<CacheDirectory> CacheDirectory::open_existing(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) {
    if (errno == ELOOP || errno == ENOTDIR) {
      return refusal("cache: " + path, "not a directory, or a symbolic link",
                     "give the directory itself to --cache-dir");
    }
    const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::failed;
    return fail(code, fmt::format("cache: open cache directory {}: {}", path, errno_message(errno)),
                "give this user a directory that it can read and write");
  }
  if (auto checked = check_directory(fd.get(), path); !checked) return propagate(checked, "cache");
  return CacheDirectory(path, std::move(fd));
}

Result<std::optional<std::string>> CacheDirectory::read(const std::string& name,
                                                        std::size_t limit) const {
  const std::string path = path_of(name);
  // Not blocking: a FIFO put in the file's place must not hang the start.
  const UniqueFd file(
      ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::string>();
    if (errno == ELOOP)
      return refusal("cache: " + path, "a symbolic link", std::string(kRemoveFileHint));
    return fail(ErrorCode::untrusted, fmt::format("cache: open {}: {}", path, errno_message(errno)),
                std::string(kRemoveFileHint));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_failure("cache: stat", path);
  if (auto checked = check_file(status, path); !checked) return propagate(checked, "cache");
  auto content = read_descriptor(file.get(), path, limit);
  if (!content) {
    content.error().code = ErrorCode::untrusted;  // unread, it cannot vouch against a roll-back
    content.error().hint = kRemoveFileHint;
    return propagate(content, "cache");
  }
  return std::string(content->text.expose_text());
}

Result<void> CacheDirectory::replace(const std::string& name, const std::string& temporary_name,
                                     std::string_view content) const {
  const std::string temporary = path_of(temporary_name);
  // A writer that was killed may have left one.
  ::unlinkat(fd_.get(), temporary_name.c_str(), 0);
  const UniqueFd file(::openat(fd_.get(), temporary_name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return system_failure("create", temporary);
  auto written = write_all(file.get(), content, temporary);
  if (written && ::fchmod(file.get(), 0600) != 0) written = system_failure("chmod", temporary);
  if (written && ::fsync(file.get()) != 0) written = system_failure("fsync", temporary);
  if (written && ::renameat(fd_.get(), temporary_name.c_str(), fd_.get(), name.c_str()) != 0) {
    written = system_failure("rename", temporary);
  }
  if (!written) {
    ::unlinkat(fd_.get(), temporary_name.c_str(), 0);  // best effort: the next writer does the same
    return written;
  }
  if (::fsync(fd_.get()) != 0) return system_failure("fsync", path_);
  return {};
}

std::vector<std::string> CacheDirectory::names(std::string_view suffix, std::size_t limit) const {
  std::vector<std::string> found;
  UniqueFd again(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!again.is_open()) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(again.get()), ::closedir);
  if (listing == nullptr) return found;
  (void)again.release();       // closedir() closes it
  ::rewinddir(listing.get());  // the two descriptors share one offset
  // This stream has one reader. NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name(&entry->d_name[0]);
    if (found.size() == limit) break;
    if (name.ends_with(suffix)) found.emplace_back(name);
  }
  return found;
}

// Writers hold it for a few milliseconds; one that is stuck must not hold up a start.
Result<void> CacheDirectory::lock(std::chrono::milliseconds patience, Clock& clock) const {
  const auto end = clock.monotonic() + patience;
  for (;;) {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK && errno != EINTR) return system_failure("lock", path_);
    if (clock.monotonic() >= end) break;
    clock.sleep_for(std::chrono::milliseconds(5));
  }
  return fail(ErrorCode::failed, fmt::format("lock {}: another process holds it", path_));
}

void CacheDirectory::unlock() const { ::flock(fd_.get(), LOCK_UN); }

}  // namespace agent_secrets
