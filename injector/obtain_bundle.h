#pragma once
// The bundle of a start: from the control plane, or from the cache while the control plane cannot
// be reached. The whole policy:
//
//   fetched                              its sequence is checked against the cache, then it is kept
//   unreachable, timed out, 5xx, 429     the cached bundle, if not too old, with a warning
//   refused (401, 403, 404, 409)         an error: the control plane has refused the request
//   untrusted (certificate, signature)   an error: the cache must not hide an attack
//
// A usable cached bundle bounds the wait for the control plane (CachePolicy::serve_after). Without
// one, the wait lasts as long as --timeout allows.
//
// A cache that cannot be used (wrong owner or mode, damaged, full disk) is a warning when a bundle
// was fetched and verified: that bundle needs no cache. The warning says that the memory against
// roll-back is missing. With `required` it is an error, before anything is fetched where possible.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/bundle.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "injector/cache.h"
#include "injector/fetch_bundle.h"

namespace agent_secrets {

struct CachePolicy {
  bool required = false;  // --cache=required
  std::chrono::seconds max_age{86'400};
  std::chrono::milliseconds serve_after{2'000};   // --cache-after
  std::optional<std::int64_t> accepted_sequence;  // --accept-sequence
  std::chrono::milliseconds lock_patience{500};
};

// Fetches for at most `patience`; without it, for as long as the start has time.
using FetchWithin =
    std::function<Result<FetchedBundle>(std::optional<std::chrono::milliseconds> patience)>;

struct ObtainedBundle {
  VerifiedBundle verified;
  bool from_cache = false;
};

// `cache` may be null: then there is no fallback and no memory of sequences. It may hold the error
// of opening the cache: then the cache cannot be used.
Result<ObtainedBundle> obtain_bundle(const FetchWithin& fetch_it, Result<BundleCache>* cache,
                                     const CachePolicy& policy, Clock& clock, const Log& log);

// "voice=3, keys=7": the sets and their versions, for people.
std::string list_versions(const std::vector<SetVersion>& sets);

}  // namespace agent_secrets
