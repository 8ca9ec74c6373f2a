#pragma once
// GET within one deadline: what instances need on top of a Transport. Retries with exponential
// backoff and full jitter, Retry-After, several base URLs in turn.

#include <chrono>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/transport.h"

namespace agent_secrets {

// Told after each failed attempt that is not the last: its number from 1, and the pause before the
// next one (zero within a round).
using RetryObserver =
    std::function<void(unsigned attempt, const Error& cause, std::chrono::milliseconds pause)>;

struct RetryPolicy {
  std::chrono::milliseconds deadline{30'000};  // total, from the call
  // One attempt at most, so that a host that accepts and never answers leaves time for the next.
  // With several base URLs also no more than an even share of what is left for the round's others.
  std::chrono::milliseconds attempt{std::chrono::milliseconds::max()};
  std::chrono::milliseconds first_backoff{100};
  std::chrono::milliseconds max_backoff{5'000};
  unsigned rounds = std::numeric_limits<unsigned>::max();  // visits of every base URL, at most
  RetryObserver on_retry{};
};

// Builds the request for one attempt at one base URL, because a proof names its base URL and its
// moment.
using RequestFactory = std::function<HttpRequest(const std::string& base_url)>;

// A number in [0, 1): full jitter.
using RandomFraction = std::function<double()>;
double random_fraction();

// The first answer that is not 429 or 5xx. Retries unreachable, timed_out, 429 and 5xx until the
// deadline or the last round; the last of those becomes the error (`unavailable` for a status).
// Everything else ends it at once. A round visits each base URL without a pause; between rounds it
// waits the backoff, and Retry-After on top. A wait that the deadline would cut short is
// not begun: nothing could follow it, and the caller may have a cache to turn to.
Result<HttpResponse> fetch(Transport& transport, Clock& clock, const RandomFraction& random,
                           const std::vector<std::string>& base_urls, const RequestFactory& make,
                           const RetryPolicy& policy);

}  // namespace agent_secrets
