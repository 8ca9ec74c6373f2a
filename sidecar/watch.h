#pragma once
// The watch loop, one step at a time: ask the control plane what it knows of this instance, learn
// from the answer, and say how long to pause. Nothing here sleeps, writes a file or owns a thread,
// so that tests drive it with a fake transport and clock.
//
// It can never go deaf: after any error it asks without If-None-Match, so the next answer is the
// whole state however much was missed. It never gives up: after an error it pauses with full
// jitter, at most a thirtieth of the time that it has heard nothing, so that a short outage is over
// for it within two seconds and a long one costs the control plane little; refusals (401, 403, 404)
// are asked again slowly, because an operator may mend them. Revoked and unbound are states, not
// errors.
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

// How many sessions the bot has live, for the report. Asked before each request.
using ActiveSessions = std::function<std::int64_t()>;

// The sequence that the instance runs, or nothing while that is not known yet. Asked before each
// request: in a container of its own, a sidecar outlives the instances that it watches.
using RunningSequence = std::function<std::optional<std::int64_t>()>;

class Watcher {
 public:
  Watcher(const WatchCredential& credential, Transport& transport, const Clock& clock,
          RandomFraction random, RunningSequence running, ActiveSessions sessions,
          WatcherOptions options);

  // At most one request. Returns how long to pause before the next step.
  std::chrono::milliseconds step();
  [[nodiscard]] const Knowledge& knowledge() const { return knowledge_; }

  static constexpr std::chrono::milliseconds kMinBackoff{1'000};
  static constexpr std::chrono::milliseconds kMaxBackoff{30'000};
  static constexpr int kBackoffShare = 30;                        // of the silence
  static constexpr std::chrono::milliseconds kSlowRetry{30'000};  // up to twice that
  static constexpr std::chrono::milliseconds kRunningPoll{1'000};
  static constexpr std::chrono::milliseconds kHastyChangePause{100};
  static constexpr std::chrono::milliseconds kHastyAnswerPause{5'000};
  static constexpr std::chrono::seconds kAnswerGrace{10};  // over the wait, for the network

 private:
  using Ms = std::chrono::milliseconds;

  [[nodiscard]] HttpRequest make_request() const;
  void watch_sequence(std::int64_t sequence);
  Ms judge(const HttpResponse& response, Ms took);
  Ms learn(const HttpResponse& response, Ms took);
  Ms heard(bool changed, Ms took);
  Ms refused(const HttpResponse& response);
  Ms failed(std::string cause, Ms at_least = Ms(0));
  void note_error(std::string cause);
  [[nodiscard]] Ms backoff() const;

  const WatchCredential& credential_;
  Transport& transport_;
  const Clock& clock_;
  RandomFraction random_;
  RunningSequence running_;
  ActiveSessions sessions_;
  WatcherOptions options_;

  Knowledge knowledge_;
  std::string etag_;
  bool waiting_ = false;  // the last request was conditional, so the server was to wait
  std::size_t url_ = 0;
  Ms heard_at_;                   // monotonic; of the start, before the first answer
  std::chrono::seconds skew_{0};  // the server's clock minus ours
  bool skew_corrected_ = false;   // since the last good answer or error
  bool lost_ = false;             // an error since the last good answer
};

}  // namespace agent_secrets::sidecar
