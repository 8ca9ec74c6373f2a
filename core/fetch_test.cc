#include "core/fetch.h"

#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Scene {
  FakeClock clock;
  FakeTransport transport;
  std::vector<std::string> urls{"https://one"};
  RetryPolicy policy{};
  double fraction = 0.5;

  Result<HttpResponse> fetch() {
    return agent_secrets::fetch(
        transport, clock, [this] { return fraction; }, urls,
        [](const std::string& url) { return HttpRequest{.url = url + "/path", .headers = {}}; },
        policy);
  }
};

HttpResponse busy(int status, const std::string& retry_after) {
  return {
      .status = status, .headers = {{"retry-after", retry_after}}, .body = "", .peer = "one:443"};
}

}  // namespace

TEST_CASE("the first good answer is returned without a wait") {
  Scene scene;
  scene.transport.will_answer(200, "body");
  const auto answer = scene.fetch();
  REQUIRE(answer.has_value());
  CHECK(answer->body == "body");
  CHECK(scene.clock.sleeps.empty());
  CHECK(scene.transport.requests.at(0).url == "https://one/path");
}

TEST_CASE("a 4xx is an answer, not a failure") {
  Scene scene;
  scene.transport.will_answer(404);
  const auto answer = scene.fetch();
  REQUIRE(answer.has_value());
  CHECK(answer->status == 404);
}

TEST_CASE("the backoff doubles up to its maximum, scaled by the jitter") {
  Scene scene;
  scene.policy = {.deadline = 60s, .first_backoff = 100ms, .max_backoff = 500ms};
  for (int i = 0; i < 5; ++i) scene.transport.will_fail(ErrorCode::unreachable);
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  CHECK(scene.clock.sleeps ==
        std::vector<std::chrono::milliseconds>{50ms, 100ms, 200ms, 250ms, 250ms});
}

TEST_CASE("full jitter may retry at once") {
  Scene scene;
  scene.fraction = 0;
  scene.transport.will_fail(ErrorCode::timed_out);
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  CHECK(scene.clock.sleeps == std::vector<std::chrono::milliseconds>{0ms});
}

TEST_CASE("Retry-After is waited for, with the jitter on top") {
  Scene scene;
  scene.transport.will_answer(busy(429, "3"));
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  CHECK(scene.clock.sleeps == std::vector<std::chrono::milliseconds>{3050ms});
}

TEST_CASE("a Retry-After past the deadline ends it without waiting") {
  Scene scene;
  scene.transport.will_answer(busy(503, "31"));
  const auto answer = scene.fetch();
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == ErrorCode::unavailable);
  CHECK(answer.error().message == "one:443 answered 503, and to wait 31s");
  CHECK(scene.clock.sleeps.empty());
}

TEST_CASE("a Retry-After that makes no sense is ignored") {
  for (const char* text : {"Mon, 23 Nov 2026 14:00:00 GMT", "-5", "5x", ""}) {
    Scene scene;
    scene.transport.will_answer(busy(503, text));
    scene.transport.will_answer(200);
    REQUIRE(scene.fetch().has_value());
    CHECK(scene.clock.sleeps == std::vector<std::chrono::milliseconds>{50ms});
  }
}

TEST_CASE("with several base URLs one that hangs leaves the others an even share") {
  Scene scene;
  scene.urls = {"https://one", "https://two", "https://three"};
  scene.transport.each_attempt_takes(scene.clock, 60s);
  scene.transport.will_fail(ErrorCode::timed_out);
  REQUIRE_FALSE(scene.fetch().has_value());
  CHECK(scene.transport.timeouts == std::vector<std::chrono::milliseconds>{10s, 10s, 10s});
}

TEST_CASE("each retry is told, with its cause and the pause before it") {
  Scene scene;
  scene.urls = {"https://one", "https://two"};
  std::vector<std::string> told;
  scene.policy.on_retry = [&](unsigned attempt, const Error& cause, auto pause) {
    told.push_back(std::to_string(attempt) + ' ' + cause.message + ' ' +
                   std::to_string(pause.count()));
  };
  scene.transport.will_fail(ErrorCode::unreachable, "a");
  scene.transport.will_fail(ErrorCode::unreachable, "b");
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  CHECK(told == std::vector<std::string>{"1 a 0", "2 b 50"});
}

TEST_CASE("several base URLs are tried in turn, and the pause comes after a round") {
  Scene scene;
  scene.urls = {"https://one", "https://two"};
  scene.transport.will_fail(ErrorCode::unreachable);
  scene.transport.will_fail(ErrorCode::unreachable);
  scene.transport.will_answer(503);
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  REQUIRE(scene.transport.requests.size() == 4);
  CHECK(scene.transport.requests[0].url == "https://one/path");
  CHECK(scene.transport.requests[1].url == "https://two/path");
  CHECK(scene.transport.requests[2].url == "https://one/path");
  CHECK(scene.transport.requests[3].url == "https://two/path");
  CHECK(scene.clock.sleeps.size() == 1);
}

TEST_CASE("the deadline ends it with the last failure") {
  Scene scene;
  scene.policy.deadline = 10s;
  scene.transport.each_attempt_takes(scene.clock, 4s);
  scene.transport.will_fail(ErrorCode::unreachable, "refused");
  const auto answer = scene.fetch();
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == ErrorCode::unreachable);
  CHECK(answer.error().message == "refused");
  CHECK(scene.transport.timeouts.at(0) == 10s);
  CHECK(scene.transport.timeouts.back() < 4s);
  CHECK(scene.transport.timeouts.size() == 3);
}

TEST_CASE("what the deadline cuts short does not hide why there was a retry") {
  Scene scene;
  scene.policy.deadline = 10s;
  scene.transport.each_attempt_takes(scene.clock, 6s);
  scene.transport.will_fail(ErrorCode::unreachable, "refused");
  scene.transport.will_fail(ErrorCode::timed_out, "timed out after 4s");
  const auto answer = scene.fetch();
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().message == "refused");
}

TEST_CASE("one attempt takes no more than its own bound") {
  Scene scene;
  scene.policy.attempt = 7s;
  scene.transport.will_answer(200);
  REQUIRE(scene.fetch().has_value());
  CHECK(scene.transport.timeouts.at(0) == 7s);
}

TEST_CASE("what a retry cannot help ends it at once") {
  for (const ErrorCode code :
       {ErrorCode::untrusted, ErrorCode::too_large, ErrorCode::failed, ErrorCode::invalid}) {
    Scene scene;
    scene.urls = {"https://one", "https://two"};
    scene.transport.will_fail(code);
    const auto answer = scene.fetch();
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == code);
    CHECK(scene.transport.requests.size() == 1);
  }
}

TEST_CASE("the jitter is a fraction") {
  for (int i = 0; i < 1000; ++i) {
    const double fraction = random_fraction();
    CHECK((fraction >= 0 && fraction < 1));
  }
}

TEST_CASE("the last round ends it before the deadline") {
  FakeTransport transport;
  transport.will_fail(ErrorCode::unreachable);
  FakeClock clock;
  const auto answer = fetch(
      transport, clock, [] { return 0.5; }, {"https://one", "https://two"},
      [](const std::string& url) { return HttpRequest{.url = url, .headers = {}}; },
      RetryPolicy{.rounds = 1});
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == ErrorCode::unreachable);
  CHECK(transport.requests.size() == 2);
  CHECK(clock.sleeps.empty());
}
