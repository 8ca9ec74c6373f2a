#pragma once
// Which bundle this start runs on: the control plane's, or the cached one while the control plane
// cannot be reached. The policy in one place:
//
//   fetched                              its sequence is checked against the cache, then it is kept
//   unreachable, timed out, 5xx, 429     the cached one, if it is young enough, with a warning
//   refused (401, 403, 404, 409)         an error: somebody who may decide has said no
//   untrusted (certificate, signature)   an error: the cache must not paper over an attack
//
// A cache that looks tampered with is an error before anything is fetched.

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
  std::chrono::seconds max_age{86'400};
  std::optional<std::int64_t> accepted_sequence;  // --accept-sequence
  std::chrono::milliseconds lock_patience{500};
};

struct ObtainedBundle {
  VerifiedBundle verified;
  bool from_cache = false;
};

// `cache` may be null: no fallback, and no memory of sequences.
Result<ObtainedBundle> obtain_bundle(const std::function<Result<FetchedBundle>()>& fetch_it,
                                     BundleCache* cache, const CachePolicy& policy, Clock& clock,
                                     const Log& log);

// "voice=3, keys=7": the sets and their versions, for people.
std::string list_versions(const std::vector<SetVersion>& sets);

}  // namespace agent_secrets
