#include "sidecar/state_directory.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/file_lock.h"
#include "core/write_file.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::string_view kNoun = "state directory";
constexpr std::chrono::milliseconds kLockPoll{50};
constexpr int kLooks = 8;  // at a file that is replaced meanwhile

std::unexpected<Error> fail_errno(std::string_view what, std::string_view name) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, name, errno_message(errno)));
}

Result<std::string> read_all(int fd, std::string_view name) {
  std::string text;
  std::array<char, 16384> chunk{};
  for (;;) {
    const ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read", name);
    if (got == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > kStateFileMax) {
      return fail(ErrorCode::too_large,
                  fmt::format("{} is larger than {} bytes", name, kStateFileMax));
    }
  }
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path) {
  auto made = make_directory(path, kNoun, 0755);
  if (!made) {
    if (made.error().code != ErrorCode::untrusted) {
      made.error().hint = "mount a writable directory there, or choose another with --state-dir";
    }
    return propagate(made);
  }
  return StateDirectory(path, std::move(made->fd));
}

Result<StateDirectory> StateDirectory::open_existing(const std::string& path) {
  auto opened = open_directory(path, kNoun);
  if (!opened) return propagate(opened);
  return StateDirectory(path, std::move(*opened));
}

Result<void> StateDirectory::lock(Clock& clock, std::chrono::milliseconds patience) {
  UniqueFd file(::openat(directory_.get(), kSidecarLockFile,
                         O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) {
    auto error = fail_errno("open", path_ + "/" + kSidecarLockFile);
    error.error().hint = "make the state directory writable for the sidecar's user";
    return error;
  }
  // An older sidecar left it readable for all. Not possible for another user's file, and then not
  // needed: this process is root, or could not have opened it.
  (void)::fchmod(file.get(), 0600);
  const auto give_up = clock.monotonic() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock", kSidecarLockFile);
    if (clock.monotonic() >= give_up) {
      return fail(ErrorCode::conflict, fmt::format("another sidecar is running with {}", path_),
                  "stop it, or give this one its own --state-dir");
    }
    clock.sleep_for(kLockPoll);
  }
  auto alive = show_life();
  if (!alive) return propagate(alive);
  lock_ = std::move(file);
  alive_ = std::move(*alive);
  return {};
}

// A new file each time, locked before other users can open it: no reader can hold a lock on it that
// makes this call fail.
Result<UniqueFd> StateDirectory::show_life() const {
  auto file = FileReplacement::begin(directory_.get(), kSidecarAliveFile,
                                     {.mode = 0600, .is_locked = true});
  if (!file) return propagate(file);
  if (auto taken = take_life_lock(file->fd()); !taken) return propagate(taken, kSidecarAliveFile);
  if (::fchmod(file->fd(), 0644) != 0) return fail_errno("chmod", kSidecarAliveFile);
  return file->put_in_place();
}

Result<bool> StateDirectory::is_locked() const {
  const UniqueFd file(open_to_read(kSidecarAliveFile));
  if (!file.is_open() && errno == ENOENT) return false;
  if (!file.is_open()) return fail_errno("open", kSidecarAliveFile);
  auto locked = is_life_locked(file.get());
  if (!locked) return propagate(locked, kSidecarAliveFile);
  return locked;
}

Result<void> StateDirectory::write(std::string_view name, std::string_view text) {
  const std::lock_guard guard(*writing_);
  // Readable by all, because the bot may run as another user.
  return replace_file(directory_.get(), name, text, {.mode = 0644, .is_locked = true});
}

Result<void> StateDirectory::remove(std::string_view name) {
  const std::lock_guard guard(*writing_);
  if (::unlinkat(directory_.get(), std::string(name).c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("remove", name);
  }
  return {};
}

// Not blocking: a FIFO under this name must not hold us up.
UniqueFd StateDirectory::open_to_read(std::string_view name) const {
  return UniqueFd(::openat(directory_.get(), std::string(name).c_str(),
                           O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
}

Result<std::optional<std::string>> StateDirectory::read(std::string_view name) const {
  const UniqueFd file(open_to_read(name));
  if (!file.is_open() && errno == ENOENT) return std::nullopt;
  if (!file.is_open()) return fail_errno("open", name);
  auto text = read_all(file.get(), name);
  if (!text) return propagate(text);
  return std::move(*text);
}

Result<std::optional<std::string>> StateDirectory::read_of_living(std::string_view name) {
  for (int look = 0; look < kLooks; ++look) {
    const UniqueFd file(open_to_read(name));
    if (!file.is_open() && errno == ENOENT) return std::nullopt;
    if (!file.is_open()) return fail_errno("open", name);
    const auto alive = is_life_locked(file.get());
    if (!alive) return std::unexpected(alive.error());
    if (*alive) {
      auto text = read_all(file.get(), name);
      if (!text) return propagate(text);
      return std::move(*text);
    }
    // Without a lock because its process has ended, or because that has just put another file in
    // its place, locked before it got this name.
    auto same = is_still(name, file.get());
    if (!same) return propagate(same);
    if (!*same) continue;
    (void)remove(name);  // where that is not allowed, the next look does not count it either
    return std::nullopt;
  }
  return std::nullopt;
}

// Whether the name leads to this open file.
Result<bool> StateDirectory::is_still(std::string_view name, int fd) const {
  struct stat opened{};
  struct stat named{};
  if (::fstat(fd, &opened) != 0) return fail_errno("stat", name);
  if (::fstatat(directory_.get(), std::string(name).c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return fail_errno("stat", name);
  }
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Result<std::vector<std::string>> StateDirectory::names() const {
  const int copy = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return fail_errno("open", path_);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(copy), ::closedir);
  if (!list) {
    const UniqueFd unused(copy);
    return fail_errno("list", path_);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(list.get());  // NOLINT(concurrency-mt-unsafe): a list of ours
    if (entry == nullptr && errno != 0) return fail_errno("list", path_);
    if (entry == nullptr) return names;
    if (names.size() == kStateFilesMax) {
      return fail(ErrorCode::too_large,
                  fmt::format("{} has more than {} files", path_, kStateFilesMax));
    }
    names.emplace_back(entry->d_name);
  }
}

void StateDirectory::freeze() { writing_->lock(); }

}  // namespace agent_secrets::sidecar
