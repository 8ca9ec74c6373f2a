#include "injector/cache.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/directory.h"
#include "core/limits.h"
#include "injector/duration.h"
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
constexpr std::string_view kRemoveHint =
    "find out who changed it, then remove it: the next start fetches a new one";

Result<void> check_file(const struct stat& status, const std::string& path) {
  const std::string hint(kRemoveHint);
  if (!S_ISREG(status.st_mode)) return refusal(path, "not a plain file", hint);
  if (status.st_uid != ::geteuid()) return refusal(path, "it belongs to another user", hint);
  if ((status.st_mode & 07777U) != 0600) {
    return refusal(path, fmt::format("its mode is {:04o}, not 0600", status.st_mode & 07777U),
                   hint);
  }
  if (status.st_nlink != 1) return refusal(path, "it has a second name (hard link)", hint);
  return {};
}

// Writers hold it for a few milliseconds; one that is stuck must not hold up a start.
Result<void> lock(int fd, const std::string& path, std::chrono::milliseconds patience,
                  Clock& clock) {
  const auto end = clock.monotonic() + patience;
  for (;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK && errno != EINTR) return system_failure("lock", path);
    if (clock.monotonic() >= end) break;
    clock.sleep_for(std::chrono::milliseconds(5));
  }
  return fail(ErrorCode::failed, fmt::format("lock {}: another process holds it", path));
}

class Unlock {
 public:
  explicit Unlock(int fd) : fd_(fd) {}
  ~Unlock() { ::flock(fd_, LOCK_UN); }
  Unlock(const Unlock&) = delete;
  Unlock& operator=(const Unlock&) = delete;

 private:
  int fd_;
};

}  // namespace

BundleCache::BundleCache(std::string directory, UniqueFd fd, CredentialIdentity identity)
    : directory_(std::move(directory)),
      fd_(std::move(fd)),
      identity_(std::move(identity)),
      file_name_(identity_.kid + ".bundle") {
  AGENT_SECRETS_ASSERT(is_key_id(identity_.kid));  // no slash, no dot: a name and nothing more
}

Result<BundleCache> BundleCache::open(const std::string& directory,
                                      const CredentialIdentity& identity) {
  auto made = make_directory(directory, kNoun, 0700);
  if (!made) {
    made.error().hint = made.error().code == ErrorCode::untrusted
                            ? kLinkHint
                            : "make it, or its parent, on a disk that this user can write to";
    return propagate(made);
  }
  return adopt(directory, std::move(made->fd), identity);
}

Result<BundleCache> BundleCache::open_existing(const std::string& directory,
                                               const CredentialIdentity& identity) {
  auto opened = open_directory(directory, kNoun);
  if (!opened) {
    if (opened.error().code == ErrorCode::untrusted) opened.error().hint = kLinkHint;
    return propagate(opened);
  }
  return adopt(directory, std::move(*opened), identity);
}

// The directory may be root's (made by the image), but only its owner may write to it: whoever can
// rename in it can bring back an older bundle.
Result<BundleCache> BundleCache::adopt(const std::string& directory, UniqueFd fd,
                                       const CredentialIdentity& identity) {
  if (auto checked = check_directory(fd.get(), directory, Writers::owner); !checked) {
    return propagate(checked, "cache");
  }
  return BundleCache(directory, std::move(fd), identity);
}

std::string BundleCache::path() const { return directory_ + '/' + file_name_; }

Result<std::optional<std::string>> BundleCache::read() const {
  // Not blocking: a FIFO put in the file's place must not hang the start.
  const UniqueFd file(::openat(fd_.get(), file_name_.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::string>();
    if (errno == ELOOP)
      return refusal("cache: " + path(), "a symbolic link", std::string(kRemoveHint));
    return fail(ErrorCode::untrusted,
                fmt::format("cache: open {}: {}", path(), errno_message(errno)),
                std::string(kRemoveHint));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return system_failure("cache: stat", path());
  if (auto checked = check_file(status, path()); !checked) return propagate(checked, "cache");
  auto content = read_descriptor(file.get(), path(), limits::kBundle);
  if (!content) {
    content.error().code = ErrorCode::untrusted;  // unread, it cannot vouch against a roll-back
    content.error().hint = kRemoveHint;
    return propagate(content, "cache");
  }

  return std::string(content->text.expose_text());
}

Result<std::optional<FetchedBundle>> BundleCache::load() {
  auto compact = read();
  if (!compact) return propagate(compact);
  loaded_.reset();
  if (!*compact) return loaded_;
  auto verified = verify_bundle(**compact, identity_);
  if (!verified) {
    verified.error().hint = kRemoveHint;
    return propagate(verified, "cache: " + path());
  }
  loaded_ = FetchedBundle{.compact = std::move(**compact), .verified = std::move(*verified)};
  return loaded_;
}

// Another injector may have replaced the file since it was loaded, so it is read again, under the
// lock. Bytes that have been verified are not verified a second time.
Result<std::optional<BundleFacts>> BundleCache::facts_now() {
  auto compact = read();
  if (!compact) return propagate(compact);
  if (!*compact) return std::optional<BundleFacts>();
  if (loaded_ && loaded_->compact == **compact) return loaded_->verified.facts;
  auto loaded = load();
  if (!loaded) return propagate(loaded);
  if (!*loaded) return std::optional<BundleFacts>();
  return (*loaded)->verified.facts;
}

Result<void> BundleCache::keep(const FetchedBundle& fetched,
                               std::optional<std::int64_t> accepted_sequence,
                               std::chrono::milliseconds lock_patience, Clock& clock) {
  const auto locked = lock(fd_.get(), directory_, lock_patience, clock);
  const Unlock unlock(fd_.get());
  auto seen = facts_now();
  if (!seen) return propagate(seen);
  if (*seen) {
    const BundleFacts& facts = fetched.verified.facts;
    auto checked = check_sequence(facts, **seen, accepted_sequence);
    if (!checked) return propagate(checked, "cache");
    // Lower and still here: the operator has accepted it, and it is what counts from now on.
    // Issued earlier: it is nevertheless the last contact. A region whose clock was ahead for an
    // hour must not leave an entry that nothing replaces and that age_of() refuses.
    if (facts.sequence == (*seen)->sequence && facts.issued_at == (*seen)->issued_at) return {};
  }
  if (!locked) return std::unexpected(Error(locked.error()).within("cache"));
  auto replaced = replace(fetched.compact);
  if (!replaced) return propagate(replaced, "cache");
  return {};
}

// Under the lock: write beside it, fsync, rename, fsync the directory. A crash at any point leaves
// the old file or the new one.
Result<void> BundleCache::replace(const std::string& compact) const {
  const std::string temporary_name = identity_.kid + ".tmp";
  const std::string temporary = directory_ + '/' + temporary_name;
  ::unlinkat(fd_.get(), temporary_name.c_str(),
             0);  // of a writer that was killed; or there is none
  const UniqueFd file(::openat(fd_.get(), temporary_name.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.is_open()) return system_failure("create", temporary);
  auto written = write_all(file.get(), compact, temporary);
  if (written && ::fchmod(file.get(), 0600) != 0) written = system_failure("chmod", temporary);
  if (written && ::fsync(file.get()) != 0) written = system_failure("fsync", temporary);
  if (written &&
      ::renameat(fd_.get(), temporary_name.c_str(), fd_.get(), file_name_.c_str()) != 0) {
    written = system_failure("rename", temporary);
  }
  if (!written) {
    ::unlinkat(fd_.get(), temporary_name.c_str(), 0);  // best effort: the next writer does the same
    return written;
  }
  if (::fsync(fd_.get()) != 0) return system_failure("fsync", directory_);
  return {};
}

Result<void> check_sequence(const BundleFacts& fetched, const BundleFacts& seen,
                            std::optional<std::int64_t> accepted_sequence) {
  if (fetched.sequence >= seen.sequence) return {};
  if (accepted_sequence && fetched.sequence >= *accepted_sequence) return {};
  return fail(ErrorCode::untrusted,
              fmt::format("the answer is older than what this agent has run (sequence {}, seen {})",
                          fetched.sequence, seen.sequence),
              fmt::format("find out why the control plane went back; if that is right, start once "
                          "with --accept-sequence {}",
                          fetched.sequence));
}

Result<std::chrono::seconds> age_of(const BundleFacts& facts, std::chrono::seconds now,
                                    std::chrono::seconds max_age) {
  if (facts.issued_at > now + limits::kClockSkew) {
    return fail(ErrorCode::untrusted,
                fmt::format("the cached bundle was issued {} in the future",
                            format_duration(facts.issued_at - now)),
                "set this host's clock");
  }
  const std::chrono::seconds age = std::max(now - facts.issued_at, std::chrono::seconds(0));
  if (age > max_age) {
    return fail(ErrorCode::timed_out,
                fmt::format("the cached bundle is {} old, and {} is the most", format_duration(age),
                            format_duration(max_age)),
                "bring the control plane back, or raise --cache-max-age");
  }
  return age;
}

}  // namespace agent_secrets
