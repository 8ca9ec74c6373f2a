#include "injector/fetch_bundle.h"

#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/fake_transport.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

struct Scene {
  FakeRegion region;
  FakeClock clock;
  FakeTransport transport;

  Result<FetchedBundle> fetch() {
    return fetch_bundle(
        transport, clock, [] { return 0.5; }, region.credential(), "instance-1", RetryPolicy{});
  }
  void region_answers() {
    transport.will_answer([this](const HttpRequest& request) -> Result<HttpResponse> {
      return region.answer(request);
    });
  }
};

HttpResponse json_error(int status, const std::string& code) {
  return {
      .status = status,
      .headers = {{"content-type", "application/json"}, {"date", "Tue, 14 Nov 2023 23:13:20 GMT"}},
      .body = R"({"error":"no","code":")" + code + "\"}"};
}

}  // namespace

TEST_CASE("a valid answer is verified, and returned as received") {
  Scene scene;
  scene.region_answers();
  const auto fetched = scene.fetch();
  REQUIRE(fetched.has_value());
  CHECK(fetched->verified.facts.sequence == 42);
  CHECK(fetched->verified.facts.sets == std::vector<SetVersion>{{"voice", 3}});
  CHECK(verify_bundle(fetched->text, scene.region.identity()).has_value());
}

TEST_CASE("a bundle of an announced key is accepted, and kept with its announcement") {
  Scene scene;
  scene.region.rotate();
  scene.region_answers();
  const auto fetched = scene.fetch();
  REQUIRE(fetched.has_value());
  CHECK(fetched->verified.signed_by == "region-2");
  CHECK(verify_bundle(fetched->text, scene.region.identity()).has_value());
  CHECK_FALSE(verify_bundle(scene.region.bundle(), scene.region.identity()).has_value());
}

TEST_CASE("announcements that are too long are ignored") {
  Scene scene;
  scene.transport.will_answer([&](const HttpRequest& request) -> Result<HttpResponse> {
    HttpResponse answer = scene.region.answer(request);
    answer.headers["agent-secrets-keys"] = std::string(limits::kAnnouncements + 1, 'x');
    return answer;
  });
  const auto fetched = scene.fetch();
  REQUIRE(fetched.has_value());
  CHECK(fetched->text.find('\n') == std::string::npos);
}

TEST_CASE("the proof of a request has the instance, the URL and the time") {
  Scene scene;
  scene.region_answers();
  REQUIRE(scene.fetch().has_value());
  const HttpRequest& request = scene.transport.requests.at(0);
  CHECK(request.url == "https://region.test/instance/v1/bundle");
  const std::string& header = request.headers.at(0);
  REQUIRE(header.starts_with("Authorization: "));
  const auto proof = verify_request_proof(
      std::string_view(header).substr(15),
      {.audiences = {"https://region.test"},
       .method = "GET",
       .target = std::string(kBundleTarget),
       .now = 1'700'000'000s},
      [&](std::string_view) { return scene.region.credential().signing_key.public_key(); });
  REQUIRE(proof.has_value());
  CHECK(proof->claims.report.instance_id == "instance-1");
}

TEST_CASE("a request of check or env has its purpose in the URL and in the signature") {
  Scene scene;
  scene.region_answers();
  REQUIRE(fetch_bundle(
              scene.transport, scene.clock, [] { return 0.5; }, scene.region.credential(),
              "instance-1", RetryPolicy{}, kBundleCheckTarget)
              .has_value());
  const HttpRequest& request = scene.transport.requests.at(0);
  CHECK(request.url == "https://region.test/instance/v1/bundle?purpose=check");
  CHECK(FakeRegion::proof_claim(request, "htu") == kBundleCheckTarget);
}

TEST_CASE(
    "each attempt has its own nonce, and the answer must have the nonce of the last attempt") {
  Scene scene;
  scene.transport.will_fail(ErrorCode::unreachable);
  scene.region_answers();
  REQUIRE(scene.fetch().has_value());
  CHECK(FakeRegion::proof_claim(scene.transport.requests.at(0), "jti") !=
        FakeRegion::proof_claim(scene.transport.requests.at(1), "jti"));
}

TEST_CASE("an answer to another request is not trusted") {
  Scene scene;
  HttpResponse replayed = {.status = 200,
                           .headers = {{"content-type", "application/jose"}},
                           .body = scene.region.bundle("another-nonce")};
  scene.transport.will_answer(replayed);
  const auto fetched = scene.fetch();
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().code == ErrorCode::untrusted);
  CHECK(scene.transport.requests.size() == 1);
}

TEST_CASE("a flipped byte anywhere in the answer is not trusted") {
  Scene scene;
  scene.transport.will_answer([&](const HttpRequest& request) -> Result<HttpResponse> {
    HttpResponse response = scene.region.answer(request);
    char& byte = response.body[response.body.size() / 2];
    byte = byte == 'A' ? 'B' : 'A';
    return response;
  });
  const auto fetched = scene.fetch();
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().code == ErrorCode::untrusted);
}

TEST_CASE("an answer with another media type is refused") {
  Scene scene;
  scene.transport.will_answer(
      HttpResponse{.status = 200, .headers = {{"content-type", "text/html"}}, .body = "<p>log in"});
  const auto fetched = scene.fetch();
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().code == ErrorCode::failed);
}

TEST_CASE("a media type is compared without its parameters and its case") {
  Scene scene;
  scene.transport.will_answer([&](const HttpRequest& request) -> Result<HttpResponse> {
    HttpResponse response = scene.region.answer(request);
    response.headers["content-type"] = "Application/JOSE; charset=utf-8";
    return response;
  });
  CHECK(scene.fetch().has_value());
}

TEST_CASE("401, 403, 404 and 409 are final errors with a hint") {
  const std::vector<std::pair<int, ErrorCode>> cases = {{401, ErrorCode::unauthorized},
                                                        {403, ErrorCode::forbidden},
                                                        {404, ErrorCode::not_found},
                                                        {409, ErrorCode::conflict},
                                                        {400, ErrorCode::failed}};
  for (const auto& [status, code] : cases) {
    Scene scene;
    scene.transport.will_answer(json_error(status, "some-code"));
    const auto fetched = scene.fetch();
    REQUIRE_FALSE(fetched.has_value());
    CHECK(fetched.error().code == code);
    CHECK(fetched.error().message.starts_with("fetch bundle: "));
    CHECK(fetched.error().message.ends_with("(HTTP " + std::to_string(status) + ", some-code)"));
    CHECK_FALSE(fetched.error().hint.empty());
    CHECK(scene.transport.requests.size() == 1);
  }
}

TEST_CASE("the error for a conflict has the control plane's sentence, if it can be printed") {
  Scene scene;
  scene.transport.will_answer(
      409, R"({"error":"version 3 of set voice is gone","code":"version-gone"})");
  CHECK(scene.fetch().error().message ==
        "fetch bundle: version 3 of set voice is gone (HTTP 409, version-gone)");
  Scene forged;
  forged.transport.will_answer(409, R"({"error":"a\nb","code":"version-gone"})");
  CHECK(forged.fetch().error().message ==
        "fetch bundle: agent 'phone' has nothing to run (HTTP 409, version-gone)");
}

TEST_CASE("an error code that could forge a line is left out") {
  Scene scene;
  scene.transport.will_answer(json_error(403, R"(a\nsecret-injector: error)"));
  const auto fetched = scene.fetch();
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().message.ends_with("(HTTP 403)"));
}

TEST_CASE("clock-skew is retried once with the server's time") {
  Scene scene;
  scene.transport.will_answer(json_error(401, "clock-skew"));
  scene.region_answers();
  REQUIRE(scene.fetch().has_value());
  REQUIRE(scene.transport.requests.size() == 2);
  CHECK(FakeRegion::proof_claim(scene.transport.requests[0], "iat") == "1700000000");
  CHECK(FakeRegion::proof_claim(scene.transport.requests[1], "iat") == "1700003600");
}

TEST_CASE("a second clock-skew is final, and so is another 401") {
  Scene scene;
  scene.transport.will_answer(json_error(401, "clock-skew"));
  const auto fetched = scene.fetch();
  REQUIRE_FALSE(fetched.has_value());
  CHECK(fetched.error().code == ErrorCode::unauthorized);
  CHECK(scene.transport.requests.size() == 2);

  Scene other;
  other.transport.will_answer(json_error(401, "unknown-key"));
  REQUIRE_FALSE(other.fetch().has_value());
  CHECK(other.transport.requests.size() == 1);
}

TEST_CASE("the retry after clock-skew stays inside the deadline") {
  Scene scene;
  scene.transport.each_attempt_takes(scene.clock, 20s);
  scene.transport.will_answer(json_error(401, "clock-skew"));
  scene.region_answers();
  REQUIRE(scene.fetch().has_value());
  CHECK(scene.transport.timeouts == std::vector<std::chrono::milliseconds>{30s, 10s});
}
