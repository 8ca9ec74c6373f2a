#include "injector/cache_directory.h"

#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/write_file.h"
#include "injector/file.h"

namespace agent_secrets {
namespace {

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, path, errno_message(errno)));
}

std::unexpected<Error> refusal(const std::string& path, std::string_view why, std::string hint) {
  return fail(ErrorCode::untrusted, fmt::format("{}: {}", path, why), std::move(hint));
}

constexpr std::string_view kNoun = "cache directory";
constexpr const char* kLinkHint = "give the directory itself to --cache-dir";
constexpr const char* kMakeHint = "make it, or its parent, on a disk that this user can write to";

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
  auto made = make_directory(path, kNoun, 0700);
  if (!made) {
    made.error().hint = made.error().code == ErrorCode::untrusted ? kLinkHint : kMakeHint;
    return propagate(made, "cache");
  }
  return adopt(path, std::move(made->fd));
}

Result<CacheDirectory> CacheDirectory::open_existing(const std::string& path) {
  auto opened = open_directory(path, kNoun);
  if (!opened) {
    if (opened.error().code == ErrorCode::untrusted) opened.error().hint = kLinkHint;
    return propagate(opened, "cache");
  }
  return adopt(path, std::move(*opened));
}

// The directory may belong to root (made by the image), but only its owner may write to it: a user
// who can rename files in it can bring back an older bundle.
Result<CacheDirectory> CacheDirectory::adopt(const std::string& path, UniqueFd fd) {
  if (auto checked = check_directory(fd.get(), path, Writers::owner); !checked) {
    return propagate(checked, "cache");
  }
  return CacheDirectory(path, std::move(fd));
}

Result<std::optional<std::string>> CacheDirectory::read(const std::string& name,
                                                        std::size_t limit) const {
  const std::string path = path_of(name);
  // Non-blocking: a FIFO in the place of the file must not block the start.
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
    content.error().code = ErrorCode::untrusted;  // a roll-back cannot be excluded
    content.error().hint = kRemoveFileHint;
    return propagate(content, "cache");
  }
  return std::string(content->text.expose_text());
}

Result<void> CacheDirectory::replace(const std::string& name, std::string_view content) const {
  auto replaced =
      replace_file(fd_.get(), name, content, {.mode = 0600, .is_synced = true, .is_locked = true});
  if (!replaced) return propagate(replaced, path_);
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

// Writers hold the lock for a few milliseconds. A writer that hangs must not block a start.
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
