// When a watcher asks again: pauses, jitter, Retry-After and clock skew.
#include <utility>

#include "sidecar/test_watch.h"
#include "sidecar/test_watcher.h"

namespace agent_secrets::sidecar {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the jitter is full") {
  Watching w;
  w.fraction = 0.25;
  w.transport.will_fail(ErrorCode::unreachable);
  CHECK(w.watcher.step() == milliseconds(250));
}

TEST_CASE("a server that does not wait is not asked in a tight loop") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.transport.will_answer(304);
  w.watcher.step();
  CHECK(w.watcher.step() == Watcher::kHastyAnswerPause);
}

TEST_CASE("answers without an ETag are not asked for in a tight loop") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson, ""));
  w.watcher.step();
  CHECK(w.watcher.step() == Watcher::kHastyAnswerPause);
}

TEST_CASE("the pause after an error grows with the silence, within its bounds") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.transport.will_fail(ErrorCode::timed_out);
  w.watcher.step();
  CHECK(w.watcher.step() == seconds(1));
  w.clock.advance(seconds(60));
  CHECK(w.watcher.step() == seconds(2));
  w.clock.advance(seconds(240));
  CHECK(w.watcher.step() == seconds(10));
  w.clock.advance(std::chrono::hours(5));
  CHECK(w.watcher.step() == seconds(30));
}

TEST_CASE("an answer ends the silence") {
  Watching w;
  w.transport.will_fail(ErrorCode::unreachable);
  w.transport.will_answer(answer(kCurrentJson));
  w.transport.will_fail(ErrorCode::unreachable);
  w.clock.advance(seconds(300));
  CHECK(w.watcher.step() == seconds(10));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.watcher.step() == seconds(1));
}

TEST_CASE("Retry-After is honoured up to a bound") {
  Watching w;
  w.transport.will_answer(
      HttpResponse{.status = 503, .headers = {{"retry-after", "7"}}, .body = ""});
  w.transport.will_answer(
      HttpResponse{.status = 429, .headers = {{"retry-after", "99999"}}, .body = ""});
  w.fraction = 0;
  CHECK(w.watcher.step() == seconds(7));
  CHECK(w.watcher.step() == seconds(60));
}

TEST_CASE("instances that were all told to come back later do not come back together") {
  for (const auto& [fraction, expected] : {std::pair{0.0, 7'000}, {0.5, 8'000}, {1.0, 9'000}}) {
    Watching w;
    w.fraction = fraction;
    w.transport.will_answer(
        HttpResponse{.status = 503, .headers = {{"retry-after", "7"}}, .body = ""});
    CHECK(w.watcher.step() == milliseconds(expected));
  }
}

TEST_CASE("the wait for the first change begins without jitter") {
  Watching w;
  w.transport.will_answer(answer(kStaleJson));
  w.transport.each_attempt_takes(w.clock, seconds(9));
  CHECK(w.watcher.step() == milliseconds(0));
}

TEST_CASE("clock skew is retried at once with the server's time") {
  Watching w;
  w.transport.will_answer(HttpResponse{.status = 401,
                                       .headers = {{"date", "Tue, 14 Nov 2023 23:13:20 GMT"}},
                                       .body = R"({"error":"x","code":"clock-skew"})"});
  w.transport.will_answer(answer(kCurrentJson));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.watcher.knowledge().errors == 0);
  w.watcher.step();
  CHECK_FALSE(claims_of(w));
  w.clock.advance(seconds(3600));
  CHECK(claims_of(w)->issued_at == seconds(1'700'003'600));
}

TEST_CASE("clock skew that the server's time does not mend is retried slowly") {
  Watching w;
  w.transport.will_answer(HttpResponse{.status = 401,
                                       .headers = {{"date", "Tue, 14 Nov 2023 23:13:20 GMT"}},
                                       .body = R"({"error":"x","code":"clock-skew"})"});
  w.watcher.step();
  CHECK(w.watcher.step() >= Watcher::kSlowRetry);
}

TEST_CASE("one wrong Date does not make it deaf: the next one is believed again") {
  Watching w;
  const auto skewed = [](const char* date) {
    return HttpResponse{
        .status = 401, .headers = {{"date", date}}, .body = R"({"error":"x","code":"clock-skew"})"};
  };
  w.transport.will_answer(skewed("Tue, 14 Nov 2034 22:13:20 GMT"));
  w.transport.will_answer(skewed("Tue, 14 Nov 2034 22:13:20 GMT"));
  w.transport.will_answer(skewed("Tue, 14 Nov 2023 22:13:20 GMT"));
  w.transport.will_answer(answer(kCurrentJson));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.watcher.step() >= Watcher::kSlowRetry);
  CHECK(w.watcher.step() == milliseconds(0));
  w.watcher.step();
  CHECK(claims_of(w));
  CHECK(w.state() == WatchState::current);
}

TEST_CASE("replicas that do not agree are not asked in a tight loop") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson, "\"a\""));
  w.transport.will_answer(answer(kStaleJson, "\"b\""));
  w.fraction = 0;
  w.watcher.step();
  CHECK(w.watcher.step() == Watcher::kHastyChangePause);
  CHECK(w.state() == WatchState::stale);
}

}  // namespace agent_secrets::sidecar
