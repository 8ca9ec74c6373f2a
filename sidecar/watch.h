#pragma once
// The watch loop, one step at a time: request the state of this instance from the control plane,
// process the answer, and return the pause. It does not sleep, write files or own a thread, so
// tests drive it with a fake transport and clock.
//
// After any error the next request has no If-None-Match, so its answer has the whole state and no
// change is lost. The loop never ends: after an error it pauses with full jitter, at most a
// thirtieth of the time since the last good answer. So it recovers from a short outage within two
// seconds, and sends few requests during a long outage. After a refusal (401, 403, 404) it
// continues with long pauses, because an operator may repair the cause. Revoked and unbound are
// states, not errors.
//
// A change of an agent answers all its waiting instances at once, and a busy server sends the same
// Retry-After to all. So the next request after a change, and after a Retry-After, is delayed by a
// random time of at most kJitter. A second change in this time is learned up to kJitter later.
//
// Threads: one. Credential, transport and clock must outlive it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/clock.h"
#include "core/credential.h"
#include "core/fetch.h"
#include "sidecar/knowledge.h"

namespace agent_secrets::sidecar {

struct WatcherOptions {
  std::string instance;
  std::chrono::seconds poll_wait{50};
};

// The number of the bot's live sessions, for the report. Called before each request.
using ActiveSessions = std::function<std::int64_t()>;

// The sequence that the instance runs, or nothing while it is not known. Called before each
// request, because a sidecar in a separate container runs longer than the instances that it
// watches.
using RunningSequence = std::function<std::optional<std::int64_t>()>;

class Watcher {
 public:
  Watcher(const WatchCredential& credential, Transport& transport, const Clock& clock,
          RandomFraction random, RunningSequence running, ActiveSessions sessions,
          WatcherOptions options);

  // Sends at most one request. Returns the pause before the next step.
  std::chrono::milliseconds step();
  [[nodiscard]] const Knowledge& knowledge() const { return knowledge_; }

  static constexpr std::chrono::milliseconds kMinBackoff{1'000};
  static constexpr std::chrono::milliseconds kMaxBackoff{30'000};
  static constexpr int kBackoffShare = 30;  // of the time since the last good answer
  static constexpr std::chrono::milliseconds kSlowRetry{30'000};  // up to twice that
  static constexpr std::chrono::milliseconds kRunningPoll{1'000};
  static constexpr std::chrono::milliseconds kJitter{2'000};
  static constexpr std::chrono::milliseconds kHastyChangePause{100};
  static constexpr std::chrono::milliseconds kHastyAnswerPause{5'000};
  static constexpr std::chrono::seconds kAnswerGrace{10};  // added to the wait, for the network

 private:
  using Ms = std::chrono::milliseconds;

  [[nodiscard]] HttpRequest make_request() const;
  void watch_sequence(std::int64_t sequence);
  Ms judge(const HttpResponse& response, Ms took);
  Ms learn(const HttpResponse& response, Ms took);
  Ms heard(bool changed, Ms took);
  Ms refused(const HttpResponse& response);
  Ms failed(std::string cause, std::optional<std::chrono::seconds> retry_after = std::nullopt);
  void note_error(std::string cause);
  [[nodiscard]] Ms backoff() const;
  [[nodiscard]] Ms up_to(Ms most) const;

  const WatchCredential& credential_;
  Transport& transport_;
  const Clock& clock_;
  RandomFraction random_;
  RunningSequence running_;
  ActiveSessions sessions_;
  WatcherOptions options_;

  Knowledge knowledge_;
  std::string etag_;
  bool waiting_ = false;  // the last request was conditional, so the server should have waited
  std::size_t url_ = 0;
  Ms heard_at_;                   // monotonic; the start, before the first answer
  std::chrono::seconds skew_{0};  // the server's clock minus ours
  bool skew_corrected_ = false;   // since the last good answer or error
  bool lost_ = false;             // an error since the last good answer
};

}  // namespace agent_secrets::sidecar
