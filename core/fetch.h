#pragma once
// A request within one deadline, on top of a Transport, for instances. A POST must be idempotent.
// It retries with exponential backoff and full jitter, obeys Retry-After, and tries several base
// URLs in turn.

#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/transport.h"

namespace agent_secrets {

// Called after each failed attempt except the last: the attempt's number from 1, and the pause
// before the next attempt (zero within a round).
using RetryObserver =
    std::function<void(unsigned attempt, const Error& cause, std::chrono::milliseconds pause)>;

struct RetryPolicy {
  std::chrono::milliseconds deadline{30'000};  // total, from the call
  // Per-attempt timeout, so that a host that accepts and never answers leaves time for the next
  // attempt. With several base URLs an attempt also takes at most an even share of the remaining
  // time.
  std::chrono::milliseconds attempt{std::chrono::milliseconds::max()};
  std::chrono::milliseconds first_backoff{100};
  std::chrono::milliseconds max_backoff{5'000};
  unsigned rounds = std::numeric_limits<unsigned>::max();  // visits of every base URL, at most
  RetryObserver on_retry{};
};

// Builds the request for one attempt at one base URL, because a proof is signed for one base URL
// and one time.
using RequestFactory = std::function<HttpRequest(const std::string& base_url)>;

// A number in [0, 1): full jitter.
using RandomFraction = std::function<double()>;
double random_fraction();

// The first answer that is not 429 or 5xx. Retries unreachable, timed_out, 429 and 5xx until the
// deadline or the last round; the last failure becomes the error (`unavailable` for a status). Any
// other result is returned at once. A round tries each base URL without a pause; between rounds it
// waits the backoff plus Retry-After. A wait that would exceed the deadline is not started: no
// attempt could follow it, and the caller may have a cache.
Result<HttpResponse> fetch(Transport& transport, Clock& clock, const RandomFraction& random,
                           const std::vector<std::string>& base_urls, const RequestFactory& make,
                           const RetryPolicy& policy);

}  // namespace agent_secrets
