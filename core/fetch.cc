#include "core/fetch.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kRetryAfterMax{86'400};

bool is_busy_or_broken(int status) { return status == 429 || status >= 500; }

// Only whole seconds (RFC 9110 section 10.2.3); the date form needs clocks that agree.
milliseconds retry_after(const HttpResponse& response) {
  const std::string text = response.header("retry-after");
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return {};
  return std::min(std::chrono::seconds(seconds), kRetryAfterMax);
}

milliseconds backoff(const RetryPolicy& policy, unsigned round, double fraction) {
  milliseconds ceiling = policy.first_backoff;
  for (unsigned i = 0; i < round && ceiling < policy.max_backoff; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, policy.max_backoff);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * fraction));
}

// Nothing when `answer` is final, otherwise why another attempt may help.
std::optional<Error> passing_failure(const Result<HttpResponse>& answer, const std::string& url) {
  if (!answer) {
    const ErrorCode code = answer.error().code;
    if (code != ErrorCode::unreachable && code != ErrorCode::timed_out) return std::nullopt;
    return answer.error();
  }
  if (!is_busy_or_broken(answer->status)) return std::nullopt;
  return Error{.code = ErrorCode::unavailable,
               .message = fmt::format("{} answered {}", url, answer->status),
               .hint = "look at the control plane's log and metrics"};
}

}  // namespace

double random_fraction() { return randombytes_random() / 4294967296.0; }

Result<HttpResponse> fetch(Transport& transport, Clock& clock, const RandomFraction& random,
                           const std::vector<std::string>& base_urls, const RequestFactory& make,
                           const RetryPolicy& policy) {
  AGENT_SECRETS_ASSERT(!base_urls.empty());
  const milliseconds end = clock.monotonic() + policy.deadline;
  Error last{.code = ErrorCode::timed_out, .message = "no time left for a first attempt"};

  for (unsigned round = 0;; ++round) {
    milliseconds wait{0};
    for (const std::string& url : base_urls) {
      const milliseconds remaining = end - clock.monotonic();
      if (remaining <= milliseconds::zero()) return std::unexpected(std::move(last));
      auto answer = transport.get(make(url), std::min(remaining, policy.attempt));
      auto failure = passing_failure(answer, url);
      if (!failure) return answer;
      last = std::move(*failure);
      if (answer) wait = std::max(wait, retry_after(*answer));
    }
    wait += backoff(policy, round, random());
    if (round + 1 >= policy.rounds || wait >= end - clock.monotonic())
      return std::unexpected(std::move(last));
    clock.sleep_for(wait);
  }
}

}  // namespace agent_secrets
