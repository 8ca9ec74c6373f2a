#include "sidecar/state_directory.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agent_secrets::sidecar {
namespace {

constexpr const char* kLockFile = "sidecar.lock";
constexpr std::chrono::milliseconds kLockPoll{50};

std::unexpected<Error> fail_errno(std::string_view what, std::string_view name) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, name, errno_message(errno)));
}

Result<void> write_all(int fd, std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write", name);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
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
  if (::mkdir(path.c_str(), 0755) == 0) {
    if (::chmod(path.c_str(), 0755) != 0) return fail_errno("chmod", path);
  } else if (errno != EEXIST) {
    auto error = fail_errno("create", path);
    error.error().hint = "mount a writable directory there, or choose another with --state-dir";
    return error;
  }
  return open_existing(path);
}

Result<StateDirectory> StateDirectory::open_existing(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return fail_errno("open", path);
  return StateDirectory(path, std::move(directory));
}

Result<void> StateDirectory::lock(Clock& clock, std::chrono::milliseconds patience) {
  UniqueFd file(
      ::openat(directory_.get(), kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.is_open()) {
    auto error = fail_errno("open", path_ + "/" + kLockFile);
    error.error().hint = "make the state directory writable for the sidecar's user";
    return error;
  }
  const auto give_up = clock.monotonic() + patience;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock", kLockFile);
    if (clock.monotonic() >= give_up) {
      return fail(ErrorCode::conflict, fmt::format("another sidecar is running with {}", path_),
                  "stop it, or give this one its own --state-dir");
    }
    clock.sleep_for(kLockPoll);
  }
  lock_ = std::move(file);
  return {};
}

Result<bool> StateDirectory::is_locked() const {
  const UniqueFd file(::openat(directory_.get(), kLockFile, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return false;
  if (!file.is_open()) return fail_errno("open", kLockFile);
  // Shared, so that two who ask at once do not take each other for a sidecar; a sidecar that starts
  // in this very moment tries again.
  if (::flock(file.get(), LOCK_SH | LOCK_NB) == 0) return false;
  if (errno != EWOULDBLOCK) return fail_errno("test lock", kLockFile);
  return true;
}

Result<UniqueFd> StateDirectory::create(const std::string& name) const {
  // O_EXCL after unlink: whatever a crash or somebody else left under this name is not written
  // into.
  if (::unlinkat(directory_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("remove", name);
  }
  UniqueFd file(::openat(directory_.get(), name.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.is_open()) return fail_errno("create", name);
  // Whatever the umask is: the bot may be another user.
  if (::fchmod(file.get(), 0644) != 0) return fail_errno("chmod", name);
  return file;
}

Result<void> StateDirectory::write(std::string_view name, std::string_view text) {
  const std::lock_guard guard(*writing_);
  const std::string target(name);
  const std::string temporary = "." + target + ".new";
  {
    const auto file = create(temporary);
    if (!file) return std::unexpected(file.error());
    if (auto written = write_all(file->get(), text, temporary); !written) return written;
  }
  if (::renameat(directory_.get(), temporary.c_str(), directory_.get(), target.c_str()) != 0) {
    return fail_errno("rename to", target);
  }
  return {};
}

Result<void> StateDirectory::remove(std::string_view name) {
  const std::lock_guard guard(*writing_);
  if (::unlinkat(directory_.get(), std::string(name).c_str(), 0) != 0 && errno != ENOENT) {
    return fail_errno("remove", name);
  }
  return {};
}

Result<std::optional<std::string>> StateDirectory::read(std::string_view name) const {
  // O_NONBLOCK: a FIFO under this name must not hold us up.
  const UniqueFd file(::openat(directory_.get(), std::string(name).c_str(),
                               O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open() && errno == ENOENT) return std::nullopt;
  if (!file.is_open()) return fail_errno("open", name);
  auto text = read_all(file.get(), name);
  if (!text) return propagate(text);
  return std::move(*text);
}

void StateDirectory::freeze() { writing_->lock(); }

}  // namespace agent_secrets::sidecar
