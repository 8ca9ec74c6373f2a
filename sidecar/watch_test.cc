#include "sidecar/watch.h"

#include "sidecar/test_watch.h"
#include "sidecar/test_watcher.h"

namespace agent_secrets::sidecar {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("the first question is unconditional, and the second waits for a change") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.last().url == "https://one.example/instance/v1/watch");
  CHECK(header_of(w.last(), "If-None-Match").empty());
  CHECK(header_of(w.last(), "Prefer") == "wait=50");
  CHECK(w.state() == WatchState::current);
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match") == "\"tag\"");
}

TEST_CASE("the answer may take the whole wait and some more") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.watcher.step();
  CHECK(w.transport.timeouts.back() > seconds(50));
}

TEST_CASE("each question carries a fresh proof that reports instance and sequence") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.watcher.step();
  const auto first = claims_of(w);
  REQUIRE(first);
  CHECK(first->report.instance_id == "host-1");
  CHECK(first->report.running_sequence == 5);
  w.watcher.step();
  const auto second = claims_of(w);
  REQUIRE(second);
  CHECK(second->nonce != first->nonce);
}

TEST_CASE("a change is learned at once, and the next question follows within the jitter") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson, "\"a\""));
  w.transport.will_answer(answer(kStaleJson, "\"b\""));
  w.watcher.step();
  w.transport.each_attempt_takes(w.clock, seconds(9));
  w.fraction = 0.25;
  CHECK(w.watcher.step() == milliseconds(500));
  CHECK(w.state() == WatchState::stale);
  CHECK(w.watcher.knowledge().since == w.clock.unix_time());
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match") == "\"b\"");
}

TEST_CASE("304 is hearing, and changes nothing") {
  Watching w;
  w.transport.will_answer(answer(kStaleJson));
  w.transport.will_answer(304);
  w.watcher.step();
  w.transport.each_attempt_takes(w.clock, seconds(50));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.state() == WatchState::stale);
  CHECK(w.watcher.knowledge().last_heard == w.clock.unix_time());
}

TEST_CASE("after any error the next question is unconditional, so that nothing is missed") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.transport.will_fail(ErrorCode::unreachable);
  w.transport.will_answer(answer(kStaleJson));
  w.watcher.step();
  w.watcher.step();
  CHECK(w.state() == WatchState::current);
  CHECK(w.watcher.knowledge().errors == 1);
  CHECK(w.watcher.knowledge().last_error == "fake failure");
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match").empty());
  CHECK(w.state() == WatchState::stale);
  CHECK(w.watcher.knowledge().reconnects == 1);
  CHECK(w.watcher.knowledge().last_error.empty());
}

TEST_CASE("an interrupted wait is no error, and the next question is unconditional") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.transport.will_fail(ErrorCode::interrupted);
  w.transport.will_answer(answer(kStaleJson));
  w.watcher.step();
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.watcher.knowledge().errors == 0);
  CHECK(w.state() == WatchState::current);
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match").empty());
  CHECK(w.last().url == "https://one.example/instance/v1/watch");
}

TEST_CASE("each question reports the live sessions of that moment") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.sessions = 2;
  w.watcher.step();
  CHECK(claims_of(w)->report.active_sessions == 2);
  w.sessions = 1;
  w.watcher.step();
  CHECK(claims_of(w)->report.active_sessions == 1);
  CHECK(w.watcher.knowledge().active_sessions == 1);
}

TEST_CASE("after an error the next base URL is asked") {
  Watching w;
  w.transport.will_fail(ErrorCode::unreachable);
  w.watcher.step();
  w.watcher.step();
  CHECK(w.last().url == "https://two.example/instance/v1/watch");
  w.watcher.step();
  CHECK(w.last().url == "https://one.example/instance/v1/watch");
}

TEST_CASE("a refusal is no state: what was known stays, and the question is asked again slowly") {
  for (const int status : {401, 403, 404}) {
    Watching w;
    w.transport.will_answer(answer(kStaleJson));
    w.transport.will_answer(status, R"({"error":"no","code":"unknown-key"})");
    w.watcher.step();
    CHECK(w.watcher.step() >= Watcher::kSlowRetry);
    CHECK(w.state() == WatchState::stale);
    CHECK(w.watcher.knowledge().last_error.find("unknown-key") != std::string::npos);
  }
}

TEST_CASE("revoked is a state, not an error") {
  Watching w;
  w.transport.will_answer(answer(kRevokedJson));
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.state() == WatchState::revoked);
  CHECK(w.watcher.knowledge().errors == 0);
}

TEST_CASE("to a revoked credential its refusal is no news: it asks again slowly, for all") {
  Watching w;
  w.transport.will_answer(answer(kRevokedJson));
  w.transport.will_answer(403, R"({"error":"no","code":"revoked"})");
  w.watcher.step();
  CHECK(w.watcher.step() >= Watcher::kSlowRetry);
  CHECK(w.state() == WatchState::revoked);
  CHECK(w.watcher.knowledge().errors == 0);
  w.transport.will_answer(answer(kRevokedJson));
  w.watcher.step();
  for (const auto& header : w.transport.requests.back().headers) {
    CHECK_FALSE(header.starts_with("If-None-Match"));
  }
}

TEST_CASE("an answer that makes no sense is an error, not a state") {
  Watching w;
  w.transport.will_answer(200, "<html>welcome to the hotel</html>");
  w.watcher.step();
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.watcher.knowledge().errors == 1);
}

TEST_CASE("an answer for another agent is refused and counted, and what was known stays") {
  Watching w;
  w.transport.will_answer(answer(kCurrentJson));
  w.watcher.step();
  std::string others = kStaleJson;
  others.replace(others.find("acme"), 4, "evil");
  w.transport.will_answer(answer(others.c_str()));
  w.watcher.step();
  CHECK(w.state() == WatchState::current);
  CHECK(w.watcher.knowledge().answer.organization == "acme");
  CHECK(w.watcher.knowledge().errors == 1);
  CHECK(w.watcher.knowledge().last_error ==
        "watch answer: it is for agent 'bot' of 'evil', not for 'bot' of 'acme'");
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match").empty());
}

TEST_CASE("an answer about a release that does not run here is refused") {
  Watching w;
  w.sequence = 4;
  w.transport.will_answer(answer(kCurrentJson));
  w.watcher.step();
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.watcher.knowledge().errors == 1);
}

TEST_CASE("nothing is asked before it is known what runs") {
  Watching w;
  w.sequence.reset();
  CHECK(w.watcher.step() == Watcher::kRunningPoll);
  CHECK(w.transport.requests.empty());
  w.sequence = 5;
  w.transport.will_answer(answer(kCurrentJson));
  w.watcher.step();
  CHECK(w.transport.requests.size() == 1);
}

TEST_CASE("when another release runs, what was known of the old one is forgotten") {
  Watching w;
  w.transport.will_answer(answer(kStaleJson));
  w.transport.will_fail(ErrorCode::unreachable);
  w.watcher.step();
  w.sequence = 6;
  w.watcher.step();
  CHECK(header_of(w.last(), "If-None-Match").empty());
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.watcher.knowledge().running_sequence == 6);
}

TEST_CASE("an answer about an instance that was replaced meanwhile is not learned") {
  Watching w;
  w.transport.will_answer([&w](const HttpRequest&) -> Result<HttpResponse> {
    w.sequence = 6;
    return answer(kStaleJson);
  });
  CHECK(w.watcher.step() == milliseconds(0));
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.watcher.knowledge().running_sequence == 6);
}

TEST_CASE("after a refusal the next base URL is asked") {
  Watching w;
  w.transport.will_answer(404, R"({"error":"no"})");
  w.watcher.step();
  w.watcher.step();
  CHECK(w.last().url == "https://two.example/instance/v1/watch");
}

TEST_CASE("when nothing that can be watched runs any more, nothing is known") {
  Watching w;
  w.transport.will_answer(answer(kStaleJson));
  w.watcher.step();
  w.sequence.reset();
  CHECK(w.watcher.step() == Watcher::kRunningPoll);
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.transport.requests.size() == 1);
}

}  // namespace agent_secrets::sidecar
