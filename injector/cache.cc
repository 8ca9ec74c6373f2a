#include "injector/cache.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/limits.h"
#include "injector/duration.h"

namespace agent_secrets {
namespace {

class Unlock {
 public:
  explicit Unlock(const CacheDirectory& directory) : directory_(directory) {}
  ~Unlock() { directory_.unlock(); }
  Unlock(const Unlock&) = delete;
  Unlock& operator=(const Unlock&) = delete;

 private:
  const CacheDirectory& directory_;
};

}  // namespace

BundleCache::BundleCache(CacheDirectory directory, CredentialIdentity identity)
    : directory_(std::move(directory)),
      identity_(std::move(identity)),
      memory_(identity_),
      file_name_(identity_.kid + ".bundle") {
  AGENT_SECRETS_ASSERT(is_key_id(identity_.kid));  // has no slash and no dot, so it is a file name
}

Result<BundleCache> BundleCache::open(const std::string& directory,
                                      const CredentialIdentity& identity) {
  auto opened = CacheDirectory::open(directory);
  if (!opened) return propagate(opened);
  return BundleCache(std::move(*opened), identity);
}

Result<BundleCache> BundleCache::open_existing(const std::string& directory,
                                               const CredentialIdentity& identity) {
  auto opened = CacheDirectory::open_existing(directory);
  if (!opened) return propagate(opened);
  return BundleCache(std::move(*opened), identity);
}

Result<std::optional<FetchedBundle>> BundleCache::load() {
  auto text = directory_.read(file_name_, limits::kCachedBundle);
  if (!text) return propagate(text);
  loaded_.reset();
  if (!*text) return loaded_;
  auto verified = verify_bundle(**text, identity_);
  if (!verified) {
    verified.error().hint = kRemoveFileHint;
    return propagate(verified, "cache: " + path());
  }
  loaded_ = FetchedBundle{.text = std::move(**text), .verified = std::move(*verified)};
  return loaded_;
}

// Another injector may have replaced the file since it was loaded, so it is read again, under the
// lock. Bytes that have been verified are not verified a second time.
Result<std::optional<BundleFacts>> BundleCache::facts_now() {
  auto text = directory_.read(file_name_, limits::kCachedBundle);
  if (!text) return propagate(text);
  if (!*text) return std::optional<BundleFacts>();
  if (loaded_ && loaded_->text == **text) return loaded_->verified.facts;
  auto loaded = load();
  if (!loaded) return propagate(loaded);
  if (!*loaded) return std::optional<BundleFacts>();
  return (*loaded)->verified.facts;
}

// The credential's own bundle counts too, because an injector of an earlier version that shares the
// directory does not write the memory.
Result<BundleCache::Seen> BundleCache::seen_now() {
  auto cached = facts_now();
  if (!cached) return propagate(cached);
  auto remembered = memory_.read(directory_);
  if (!remembered) return propagate(remembered);
  Seen seen{.highest = *remembered, .remembered = *remembered, .cached = std::move(*cached)};
  if (!seen.remembered) seen.highest = highest_cached_sequence(directory_, identity_);
  if (seen.cached) seen.highest = std::max(seen.highest.value_or(0), seen.cached->sequence);
  return seen;
}

Result<std::optional<std::int64_t>> BundleCache::highest_seen() {
  auto seen = seen_now();
  if (!seen) return propagate(seen);
  return seen->highest;
}

Result<void> BundleCache::keep(const FetchedBundle& fetched,
                               std::optional<std::int64_t> accepted_sequence,
                               std::chrono::milliseconds lock_patience, Clock& clock) {
  const auto locked = directory_.lock(lock_patience, clock);
  const Unlock unlock(directory_);
  auto seen = seen_now();
  if (!seen) {
    seen.error().code = ErrorCode::failed;  // the fault is in the memory, not in the bundle
    return propagate(seen);
  }
  if (seen->highest) {
    auto checked =
        check_sequence(fetched.verified.facts.sequence, *seen->highest, accepted_sequence);
    if (!checked) return propagate(checked, "cache");
  }
  if (!locked) return std::unexpected(Error(locked.error()).within("cache"));
  auto written = write(fetched, *seen);
  if (!written) return propagate(written, "cache");
  return {};
}

// Writes the memory first: a crash between the two writes leaves the new sequence and the older
// bundle, which is safe. A lower sequence gets here only if the operator has accepted it; it
// replaces the memory. A bundle with the same sequence replaces the cached bundle also if it was
// issued earlier. Otherwise a region whose clock was ahead for an hour would leave an entry that
// age_of() refuses and that no bundle replaces.
Result<void> BundleCache::write(const FetchedBundle& fetched, const Seen& seen) const {
  const BundleFacts& facts = fetched.verified.facts;
  if (seen.remembered != facts.sequence) {
    if (auto written = memory_.write(directory_, facts.sequence); !written) return written;
  }
  if (seen.cached && facts.sequence == seen.cached->sequence &&
      facts.issued_at == seen.cached->issued_at) {
    return {};
  }
  return directory_.replace(file_name_, fetched.text);
}

Result<void> check_sequence(std::int64_t fetched, std::int64_t seen,
                            std::optional<std::int64_t> accepted_sequence) {
  if (fetched >= seen) return {};
  if (accepted_sequence && fetched >= *accepted_sequence) return {};
  return fail(ErrorCode::untrusted,
              fmt::format("the answer is older than what this agent has run (sequence {}, seen {})",
                          fetched, seen),
              fmt::format("find out why the control plane went back; if that is right, start once "
                          "with --accept-sequence {}",
                          fetched));
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
