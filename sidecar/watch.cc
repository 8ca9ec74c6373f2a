#include "sidecar/watch.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/encoding.h"
#include "core/json_reader.h"
#include "core/jws.h"
#include "core/limits.h"
#include "core/request_proof.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::string_view kTarget = "/instance/v1/watch";
constexpr std::size_t kRefusalMax = 4096;
constexpr std::chrono::seconds kRetryAfterMax{60};
constexpr std::chrono::milliseconds kHasty{1'000};

std::optional<std::chrono::seconds> wait_asked_for(const HttpResponse& response) {
  const auto asked = response.retry_after();
  if (!asked) return std::nullopt;
  return std::min(*asked, kRetryAfterMax);
}

std::string refusal_code(const HttpResponse& response) {
  JsonDocument document(response.body, kRefusalMax);
  std::string code(document.root().name_text("code", limits::kWireName));
  return document.finish() && is_key_id(code) ? code : "";
}

}  // namespace

Watcher::Watcher(const WatchCredential& credential, Transport& transport, const Clock& clock,
                 RandomFraction random, RunningSequence running, ActiveSessions sessions,
                 WatcherOptions options)
    : credential_(credential),
      transport_(transport),
      clock_(clock),
      random_(std::move(random)),
      running_(std::move(running)),
      sessions_(std::move(sessions)),
      options_(std::move(options)),
      heard_at_(clock_.monotonic()) {
  knowledge_.instance = options_.instance;
  knowledge_.since = clock_.unix_time();
}

std::chrono::milliseconds Watcher::step() {
  const auto sequence = running_();
  if (!sequence) {
    if (knowledge_.running_sequence != 0) watch_sequence(0);
    return kRunningPoll;
  }
  if (*sequence != knowledge_.running_sequence) watch_sequence(*sequence);
  knowledge_.active_sessions = sessions_();
  waiting_ = !etag_.empty();
  const auto started = clock_.monotonic();
  const auto response = transport_.send(make_request(), options_.poll_wait + kAnswerGrace);
  // The request may have taken a minute: if the instance has changed meanwhile, the answer is about
  // the old one.
  if (const auto runs = running_(); runs != sequence) {
    if (runs) watch_sequence(*runs);
    return Ms(0);
  }
  if (!response && response.error().code == ErrorCode::interrupted) {
    etag_.clear();
    return Ms(0);
  }
  if (!response) return failed(response.error().message);
  return judge(*response, clock_.monotonic() - started);
}

// Another instance runs now: all earlier answers are invalid.
void Watcher::watch_sequence(std::int64_t sequence) {
  knowledge_.running_sequence = sequence;
  knowledge_.answer = {};
  knowledge_.since = clock_.unix_time();
  etag_.clear();
}

HttpRequest Watcher::make_request() const {
  const std::string& base = credential_.identity.urls.at(url_);
  const ProofClaims claims{
      .audience = base,
      .method = "GET",
      .target = std::string(kTarget),
      .issued_at = std::chrono::floor<std::chrono::seconds>(clock_.unix_time()) + skew_,
      .nonce = random_token(16),
      .report = {.instance_id = options_.instance,
                 .running_sequence = knowledge_.running_sequence,
                 .active_sessions = knowledge_.active_sessions}};
  HttpRequest request{
      .url = base + std::string(kTarget),
      .headers = {"Authorization: " +
                      make_request_proof(claims, credential_.identity.kid, credential_.signing_key),
                  fmt::format("Prefer: wait={}", options_.poll_wait.count())}};
  if (!etag_.empty()) request.headers.push_back("If-None-Match: " + etag_);
  return request;
}

std::chrono::milliseconds Watcher::judge(const HttpResponse& response, Ms took) {
  switch (response.status) {
    case 200:
      return learn(response, took);
    case 304:
      if (etag_.empty())
        return failed("the control plane answered 304 to an unconditional request");
      return heard(false, took);
    case 429:
      return failed("the control plane is busy (429)", wait_asked_for(response));
    default:
      break;
  }
  if (response.status < 500) return refused(response);
  return failed(fmt::format("the control plane answered {}", response.status),
                wait_asked_for(response));
}

std::chrono::milliseconds Watcher::learn(const HttpResponse& response, Ms took) {
  auto answer = parse_watch_answer(response.body);
  if (!answer) return failed("watch answer: " + answer.error().message);
  const CredentialIdentity& identity = credential_.identity;
  const auto checked =
      check_addressee(*answer, identity.organization, identity.agent, knowledge_.running_sequence);
  if (!checked) return failed("watch answer: " + checked.error().message);
  const bool changed = *answer != knowledge_.answer;
  if (answer->state != knowledge_.answer.state) knowledge_.since = clock_.unix_time();
  knowledge_.answer = std::move(*answer);
  etag_ = response.header("etag");
  return heard(changed, took);
}

std::chrono::milliseconds Watcher::heard(bool changed, Ms took) {
  knowledge_.last_heard = clock_.unix_time();
  knowledge_.last_error.clear();
  if (std::exchange(lost_, false)) ++knowledge_.reconnects;
  heard_at_ = clock_.monotonic();
  skew_corrected_ = false;
  // The next request is sent at once, because it waits at the server. If it does not wait (a proxy
  // removes If-None-Match or ETag, or the server supports no wait), the pause prevents a tight
  // loop.
  const bool should_have_waited = waiting_ || etag_.empty();
  const Ms jitter = changed && waiting_ ? up_to(kJitter) : Ms(0);
  if (!should_have_waited || took >= kHasty) return jitter;
  // Replicas with different states answer each request at once, each time with a change.
  return changed ? std::max(kHastyChangePause, jitter) : kHastyAnswerPause;
}

std::chrono::milliseconds Watcher::refused(const HttpResponse& response) {
  const std::string code = refusal_code(response);
  if (response.status == 401 && code == "clock-skew" && !skew_corrected_) {
    if (const auto date = response.date()) {
      skew_ = *date - std::chrono::floor<std::chrono::seconds>(clock_.unix_time());
      skew_corrected_ = true;
      return Ms(0);
    }
  }
  const bool known =
      response.status == 403 && code == "revoked" && knowledge_.answer.state == WatchState::revoked;
  if (known) {
    // A revoked credential gets the state once and cannot wait for changes. The next request is
    // unconditional.
    etag_.clear();
    heard_at_ = clock_.monotonic();
    knowledge_.last_heard = clock_.unix_time();
  } else {
    note_error(fmt::format("the control plane refused the watch: {} {}", response.status, code));
    url_ = (url_ + 1) % credential_.identity.urls.size();  // another URL may give another answer
  }
  return kSlowRetry + up_to(kSlowRetry);
}

std::chrono::milliseconds Watcher::failed(std::string cause,
                                          std::optional<std::chrono::seconds> retry_after) {
  note_error(std::move(cause));
  url_ = (url_ + 1) % credential_.identity.urls.size();
  const Ms pause = up_to(backoff());
  return retry_after ? std::max(pause, *retry_after + up_to(kJitter)) : pause;
}

std::chrono::milliseconds Watcher::up_to(Ms most) const {
  return std::chrono::duration_cast<Ms>(most * random_());
}

std::chrono::milliseconds Watcher::backoff() const {
  return std::clamp((clock_.monotonic() - heard_at_) / kBackoffShare, kMinBackoff, kMaxBackoff);
}

void Watcher::note_error(std::string cause) {
  ++knowledge_.errors;
  knowledge_.last_error = std::move(cause);
  lost_ = true;
  skew_corrected_ = false;  // that Date may have been wrong; the pause makes retries rare
  etag_.clear();
}

}  // namespace agent_secrets::sidecar
