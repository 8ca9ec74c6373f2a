#include "sidecar/watch.h"

#include <array>
#include <utility>

#include "core/request_proof.h"
#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

namespace agent_secrets::sidecar {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpResponse answer(const char* json, std::string etag = "\"tag\"") {
  return {.status = 200, .headers = {{"etag", std::move(etag)}}, .body = json};
}

SigningKey test_key() {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(0x42);
  return SigningKey::from_seed(seed);
}

struct Watching {
  FakeClock clock;
  FakeTransport transport;
  WatchCredential credential{.identity = {.urls = {"https://one.example", "https://two.example"},
                                          .organization = "acme",
                                          .agent = "bot",
                                          .kid = "ak_one",
                                          .verification_keys = {},
                                          .ca_pem = ""},
                             .signing_key = test_key()};
  std::optional<std::int64_t> sequence = 5;
  std::int64_t sessions = 0;
  double fraction = 1.0;
  Watcher watcher{credential,
                  transport,
                  clock,
                  [this] { return fraction; },
                  [this] { return sequence; },
                  [this] { return sessions; },
                  {.instance = "host-1", .poll_wait = seconds(50)}};

  WatchState state() const { return watcher.knowledge().answer.state; }
  const HttpRequest& last() const { return transport.requests.back(); }
};

std::string header_of(const HttpRequest& request, const std::string& name) {
  for (const std::string& line : request.headers) {
    if (line.starts_with(name + ": ")) return line.substr(name.size() + 2);
  }
  return "";
}

Result<ProofClaims> claims_of(const Watching& w) {
  const auto proof =
      verify_request_proof(header_of(w.last(), "Authorization"),
                           {.audiences = {"https://one.example", "https://two.example"},
                            .method = "GET",
                            .target = "/instance/v1/watch",
                            .now = std::chrono::floor<seconds>(w.clock.unix_time())},
                           [](std::string_view) { return test_key().public_key(); });
  if (!proof) return fail(ErrorCode::untrusted, std::string(proof_failure_code(proof.error())));
  return proof->claims;
}

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

TEST_CASE("the jitter is full") {
  Watching w;
  w.fraction = 0.25;
  w.transport.will_fail(ErrorCode::unreachable);
  CHECK(w.watcher.step() == milliseconds(250));
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

TEST_CASE("after a refusal the next base URL is asked") {
  Watching w;
  w.transport.will_answer(404, R"({"error":"no"})");
  w.watcher.step();
  w.watcher.step();
  CHECK(w.last().url == "https://two.example/instance/v1/watch");
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

TEST_CASE("when nothing that can be watched runs any more, nothing is known") {
  Watching w;
  w.transport.will_answer(answer(kStaleJson));
  w.watcher.step();
  w.sequence.reset();
  CHECK(w.watcher.step() == Watcher::kRunningPoll);
  CHECK(w.state() == WatchState::unknown);
  CHECK(w.transport.requests.size() == 1);
}

}  // namespace
}  // namespace agent_secrets::sidecar
