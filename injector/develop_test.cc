#include "injector/develop.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/public_half.h"
#include "core/test_keys.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_transport.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

namespace json = boost::json;

struct Scene {
  Result<AgentCredential> run() {
    return register_key(transport, clock, [] { return 0.5; }, login, wish, "laptop", RetryPolicy{});
  }
  // As the control plane answers: the identity of the key that was sent.
  static Result<HttpResponse> registered(const HttpRequest& request) {
    const auto half = parse_public_half(request.body.value_or(""));
    AGENT_SECRETS_ASSERT(half.has_value());
    CredentialIdentity identity = test::identity();
    identity.kid = half->kid;
    identity.agent = "bot";
    identity.urls = {"https://agents.test", "https://secrets.test"};
    json::object body = json::parse(identity_json(identity)).as_object();
    body["purpose"] = "develop";
    return HttpResponse{.status = 201, .headers = {}, .body = json::serialize(body)};
  }
  Error refused(int status, std::string body) {
    transport.will_answer(status, std::move(body));
    auto credential = run();
    AGENT_SECRETS_ASSERT(!credential.has_value());
    CHECK_FALSE(credential.error().hint.empty());
    CHECK(credential.error().message.find("pcc_pat_1") == std::string::npos);
    return std::move(credential.error());
  }

  FakeTransport transport;
  FakeClock clock;
  CliLogin login{.host = "https://secrets.test",
                 .token = SecretBuffer::copy_of("pcc_pat_1"),
                 .organization = "acme"};
  DevelopWish wish{.agent = "bot", .organization = {}, .lifetime = 3600s};
};

}  // namespace

TEST_CASE("the public half of a new key is registered, and the answer completes it") {
  Scene scene;
  scene.transport.will_answer(Scene::registered);
  const auto credential = scene.run();
  REQUIRE(credential.has_value());
  const HttpRequest& request = scene.transport.requests.at(0);
  CHECK(request.url == "https://secrets.test/v1/organizations/acme/services/bot/credentials");
  CHECK(request.headers.at(0) == "Authorization: Bearer pcc_pat_1");
  const json::value body = json::parse(request.body.value_or(""));
  CHECK(body.at("purpose") == "develop");
  CHECK(body.at("expiresIn") == 3600);
  CHECK(body.at("label") == "laptop");
  CHECK(body.as_object().size() == 6);
  CHECK(body.at("kid").as_string() == credential->identity.kid);
  const auto half = parse_public_half(*request.body);
  REQUIRE(half.has_value());
  CHECK(half->keys.signing == credential->signing_key.public_key());
  CHECK(half->keys.box == credential->box_key.public_key);
}

TEST_CASE("each run has another key") {
  Scene scene;
  scene.transport.will_answer(Scene::registered);
  const auto first = scene.run();
  const auto second = scene.run();
  REQUIRE((first && second));
  CHECK(first->identity.kid != second->identity.kid);
}

TEST_CASE("a request that got no answer is repeated with the same key") {
  Scene scene;
  scene.transport.will_fail(ErrorCode::timed_out);
  scene.transport.will_answer(503);
  scene.transport.will_answer(Scene::registered);
  REQUIRE(scene.run().has_value());
  CHECK(scene.transport.requests.at(0).body == scene.transport.requests.at(2).body);
}

TEST_CASE("without an organization the token says which one it is") {
  Scene scene;
  scene.login.organization.clear();
  scene.transport.will_answer(Scene::registered);
  REQUIRE(scene.run().has_value());
  CHECK(scene.transport.requests.at(0).url == "https://secrets.test/v1/agents/bot/credentials");
}

TEST_CASE("the URL that was just used is tried first for the bundle") {
  Scene scene;
  scene.transport.will_answer(Scene::registered);
  const auto credential = scene.run();
  REQUIRE(credential.has_value());
  CHECK(credential->identity.urls ==
        std::vector<std::string>{"https://secrets.test", "https://agents.test"});
}

TEST_CASE("a name that no agent has is not sent") {
  Scene scene;
  for (const char* name : {"../tokens", "bot?x", "b t", "bot%2f"}) {
    scene.wish.agent = name;
    const auto credential = scene.run();
    REQUIRE_FALSE(credential.has_value());
    CHECK(credential.error().code == ErrorCode::invalid);
  }
  scene.wish.agent = "bot";
  scene.login.organization = "a/b";
  CHECK_FALSE(scene.run().has_value());
  CHECK(scene.transport.requests.empty());
}

TEST_CASE("a refusal says why, and what to do") {
  Scene scene;
  SECTION("a token that is not accepted") {
    const Error error = scene.refused(401, R"({"error":"Unauthorized","code":"401"})");
    CHECK(error.code == ErrorCode::unauthorized);
    CHECK(error.message.find("does not accept the token") != std::string::npos);
  }
  SECTION("a right that is missing: the control plane's sentence") {
    const Error error =
        scene.refused(403, R"({"error":"In this organization only admins.","code":"403"})");
    CHECK(error.code == ErrorCode::forbidden);
    CHECK(error.message == "In this organization only admins. (HTTP 403)");
  }
  SECTION("an agent that does not exist") {
    const Error error = scene.refused(404, R"({"error":"Service not found","code":"404"})");
    CHECK(error.message == "there is no agent 'bot' (HTTP 404)");
  }
  SECTION("another server") {
    for (const auto& [status, body] :
         std::vector<std::pair<int, std::string>>{{404, "<html>"},
                                                  {404, R"({"error":"Not found","code":"404"})"},
                                                  {200, "ok"},
                                                  {403, "<html>"},
                                                  {201, "{}"}}) {
      CHECK(scene.refused(status, body).hint.find("PIPECAT_API_HOST") != std::string::npos);
      scene.transport = FakeTransport();
    }
  }
}

TEST_CASE("an answer for another key or another agent is not used") {
  Scene scene;
  scene.transport.will_answer([](const HttpRequest&) -> Result<HttpResponse> {
    return HttpResponse{.status = 201, .headers = {}, .body = identity_json(test::identity())};
  });
  const auto credential = scene.run();
  REQUIRE_FALSE(credential.has_value());
  CHECK(credential.error().code == ErrorCode::untrusted);
}
