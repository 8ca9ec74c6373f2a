#include "core/directory.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace agent_secrets {
namespace {

constexpr int kLinksMax = 40;  // as the kernel's own limit (path_resolution(7))
constexpr int kToUse = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kToPass = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;  // needs no read permission

// The action and the object, for messages.
struct Named {
  const std::string& path;
  std::string_view noun;
  std::string_view verb = "open";
};

std::unexpected<Error> fail_errno(const Named& directory) {
  const ErrorCode code = errno == ENOENT ? ErrorCode::not_found : ErrorCode::failed;
  return fail(code, fmt::format("{} {} {}: {}", directory.verb, directory.noun, directory.path,
                                errno_message(errno)));
}

std::unexpected<Error> refuse_last(const std::string& path) {
  return fail(ErrorCode::untrusted, path + ": not a directory, or a symbolic link",
              "give the directory itself");
}

std::unexpected<Error> refuse_link(const std::string& path, std::string_view component) {
  return fail(
      ErrorCode::untrusted,
      fmt::format("{}: '{}' is a symbolic link that another user may have made", path, component),
      "name the directory by a path without that link");
}

bool is_ours(const struct stat& status) {
  return status.st_uid == 0 || status.st_uid == ::geteuid();
}

// Whether another user may have created this link in this directory.
bool may_be_planted(const struct stat& directory, const struct stat& link) {
  if (!is_ours(directory)) return true;
  if ((directory.st_mode & (S_IWGRP | S_IWOTH)) == 0) return false;
  return (directory.st_mode & S_ISVTX) == 0 || !is_ours(link);
}

// The directory of the last component. With "/." at the end of the path, a link before it is not
// the last component, so it may be followed.
std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash) + "/.";
}

std::string name_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path.substr(path.rfind('/') + 1);
}

// Resolves a path one component at a time, as the kernel does, but checks each link first.
class Walk {
 public:
  Walk(std::string path, const Named& named) : named_(named), rest_(std::move(path)) {}

  Result<UniqueFd> to_the_end(int flags) {
    here_ = UniqueFd(::open(rest_.starts_with('/') ? "/" : ".", kToPass));
    if (!here_.is_open()) return fail_errno(named_);
    for (std::string component; !(component = take_component()).empty();) {
      if (auto entered = enter(component); !entered) return propagate(entered);
    }
    UniqueFd opened(::openat(here_.get(), ".", flags));
    if (!opened.is_open()) return fail_errno(named_);
    return opened;
  }

 private:
  // Empty at the end of the path.
  std::string take_component() {
    const std::size_t first = rest_.find_first_not_of('/');
    if (first == std::string::npos) return {};
    const std::size_t end = rest_.find('/', first);
    std::string component = rest_.substr(first, end == std::string::npos ? end : end - first);
    rest_ = end == std::string::npos ? "" : rest_.substr(end);
    return component;
  }

  Result<void> enter(const std::string& component) {
    UniqueFd next(::openat(here_.get(), component.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open()) return fail_errno(named_);
    struct stat status{};
    if (::fstat(next.get(), &status) != 0) return fail_errno(named_);
    if (S_ISLNK(status.st_mode)) return follow(component, next.get(), status);
    if (!S_ISDIR(status.st_mode)) return refuse_last(named_.path);
    here_ = std::move(next);
    return {};
  }

  Result<void> follow(const std::string& component, int link, const struct stat& status) {
    if (rest_.find_first_not_of('/') == std::string::npos) return refuse_last(named_.path);
    struct stat directory{};
    if (::fstat(here_.get(), &directory) != 0) return fail_errno(named_);
    if (may_be_planted(directory, status)) return refuse_link(named_.path, component);
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size < 0) return fail_errno(named_);
    if (++links_ > kLinksMax) {
      errno = ELOOP;
      return fail_errno(named_);
    }
    rest_ = std::string(target.data(), static_cast<std::size_t>(size)) + '/' + rest_;
    if (!rest_.starts_with('/')) return {};
    here_ = UniqueFd(::open("/", kToPass));
    if (!here_.is_open()) return fail_errno(named_);
    return {};
  }

  Named named_;
  std::string rest_;
  UniqueFd here_;
  int links_ = 0;
};

// One system call if the path has no link, which is the usual case.
Result<UniqueFd> open_with(const std::string& path, const Named& named, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_NO_SYMLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (fd.is_open()) return fd;
  if (errno == ENOENT || errno == EACCES) return fail_errno(named);
  // The path has a link, or there is no openat2 (before Linux 5.6, or blocked by a seccomp filter).
  return Walk(path, named).to_the_end(flags);
}

Result<UniqueFd> make_in(int parent, const Named& named, mode_t mode) {
  const std::string name = name_of(named.path);
  if (::mkdirat(parent, name.c_str(), mode) != 0) {
    return fail_errno({.path = named.path, .noun = named.noun, .verb = "make"});
  }
  UniqueFd made(::openat(parent, name.c_str(), kToUse));
  if (!made.is_open()) return fail_errno(named);
  // mkdir's mode depends on the umask; fchmod sets it exactly.
  if (::fchmod(made.get(), mode) != 0) return fail_errno(named);
  return made;
}

}  // namespace

Result<UniqueFd> open_directory(const std::string& path, std::string_view noun) {
  return open_with(path, {.path = path, .noun = noun}, kToUse);
}

Result<MadeDirectory> make_directory(const std::string& path, std::string_view noun, mode_t mode) {
  const Named named{.path = path, .noun = noun};
  auto there = open_with(path, named, kToUse);
  if (there) return MadeDirectory{.fd = std::move(*there), .is_new = false};
  if (there.error().code != ErrorCode::not_found) return propagate(there);
  const auto parent =
      open_with(parent_of(path), {.path = path, .noun = noun, .verb = "make"}, kToPass);
  if (!parent) return std::unexpected(parent.error());
  auto made = make_in(parent->get(), named, mode);
  if (made) return MadeDirectory{.fd = std::move(*made), .is_new = true};
  there = open_with(path, named, kToUse);  // another process may have created it meanwhile
  if (!there) return propagate(made);
  return MadeDirectory{.fd = std::move(*there), .is_new = false};
}

Result<void> check_directory(int fd, const std::string& path, Writers writers,
                             std::optional<uid_t> also) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return fail_errno({.path = path, .noun = "directory", .verb = "stat"});
  }
  std::string hint = "use a directory of this user alone; a missing one is made with mode 0700";
  if (!is_ours(status) && status.st_uid != also) {
    return fail(ErrorCode::untrusted,
                fmt::format("{}: the directory belongs to another user", path), std::move(hint));
  }
  if (writers == Writers::owner && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    // At every mount the kubelet gives the volume's files to the pod's group, unless
    // fsGroupChangePolicy is OnRootMismatch.
    hint +=
        ". With fsGroup in Kubernetes: a directory inside the volume, and fsGroupChangePolicy: "
        "OnRootMismatch";
    return fail(ErrorCode::untrusted,
                fmt::format("{}: others may write to the directory (mode {:04o})", path,
                            status.st_mode & 07777U),
                std::move(hint));
  }
  return {};
}

}  // namespace agent_secrets
