#include "core/fetch.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sodium.h>

namespace agent_secrets {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

bool is_busy_or_broken(int status) { return status == 429 || status >= 500; }

milliseconds backoff(const RetryPolicy& policy, unsigned round, double fraction) {
  milliseconds ceiling = policy.first_backoff;
  for (unsigned i = 0; i < round && ceiling < policy.max_backoff; ++i) ceiling *= 2;
  ceiling = std::min(ceiling, policy.max_backoff);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(ceiling.count()) * fraction));
}

Error busy_or_broken(const HttpResponse& answer) {
  const auto wait = answer.retry_after();
  return {.code = ErrorCode::unavailable,
          .message = fmt::format("{} answered {}{}", answer.peer, answer.status,
                                 wait ? fmt::format(", and to wait {}s", wait->count()) : ""),
          .hint = answer.status == 429 ? "start fewer instances at once, or raise --timeout"
                                       : "look at the control plane's log and metrics"};
}

// Nothing if `answer` is final; otherwise the reason for another attempt.
std::optional<Error> passing_failure(const Result<HttpResponse>& answer) {
  if (!answer) {
    const ErrorCode code = answer.error().code;
    if (code != ErrorCode::unreachable && code != ErrorCode::timed_out) return std::nullopt;
    return answer.error();
  }
  if (!is_busy_or_broken(answer->status)) return std::nullopt;
  return busy_or_broken(*answer);
}

// The remaining time divided by the round's base URLs, at most the policy's bound.
milliseconds attempt_time(const RetryPolicy& policy, milliseconds remaining, std::size_t urls) {
  const auto share = remaining / static_cast<std::int64_t>(urls);
  return std::min(std::max(share, milliseconds(1)), policy.attempt);
}

}  // namespace

double random_fraction() { return randombytes_random() / 4294967296.0; }

Result<HttpResponse> fetch(Transport& transport, Clock& clock, const RandomFraction& random,
                           const std::vector<std::string>& base_urls, const RequestFactory& make,
                           const RetryPolicy& policy) {
  AGENT_SECRETS_ASSERT(!base_urls.empty());
  const milliseconds end = clock.monotonic() + policy.deadline;
  const auto remaining = [&] { return end - clock.monotonic(); };
  Error last{.code = ErrorCode::timed_out,
             .message = "no time left for a first attempt",
             .hint = "raise --timeout"};
  unsigned attempt = 0;

  for (unsigned round = 0;; ++round) {
    milliseconds wait{0};
    for (std::size_t i = 0; i < base_urls.size(); ++i) {
      const milliseconds left = remaining();
      if (left <= milliseconds::zero()) return std::unexpected(std::move(last));
      const auto time = attempt_time(policy, left, base_urls.size() - i);
      auto answer = transport.send(make(base_urls[i]), time);
      auto failure = passing_failure(answer);
      if (!failure) return answer;
      // An attempt that the deadline cut short has a less useful error than the attempt before it.
      const bool is_rest = round > 0 && time == left;
      if (!is_rest || failure->code != ErrorCode::timed_out) last = std::move(*failure);
      if (answer) wait = std::max<milliseconds>(wait, answer->retry_after().value_or(0s));
      const bool is_round_over = i + 1 == base_urls.size();
      if (is_round_over) {
        wait += backoff(policy, round, random());
        const bool is_over = round + 1 >= policy.rounds || wait >= remaining();
        if (is_over) return std::unexpected(std::move(last));
      }
      if (policy.on_retry) policy.on_retry(++attempt, last, is_round_over ? wait : 0s);
    }
    clock.sleep_for(wait);
  }
}

}  // namespace agent_secrets
