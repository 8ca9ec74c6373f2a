#include "injector/check.h"

#include <filesystem>

#include "core/public_half.h"
#include "core/test_keys.h"
#include "injector/test_check.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

// As the control plane answers: the identity of the key that was sent.
Result<HttpResponse> register_bot(const HttpRequest& request) {
  const auto half = parse_public_half(request.body.value_or(""));
  REQUIRE(half.has_value());
  CredentialIdentity identity = test::identity();
  identity.kid = half->kid;
  identity.agent = "bot";
  return HttpResponse{.status = 201, .headers = {}, .body = identity_json(identity)};
}

}  // namespace

TEST_CASE("a successful check has every step in the order of a start") {
  CheckScene scene;
  scene.region_answers();
  scene.options.command = {"sh"};
  const CheckReport report = scene.check();
  CHECK(scene.observed ==
        "credential resolve connect tls clock proof bundle open environment limits names dotenv "
        "state command ");
  for (const Step& step : report.steps) {
    INFO(step.name << ": " << step.detail);
    CHECK(step.status == StepStatus::ok);
    CHECK(step.took.has_value());
  }
  CHECK(exit_code_of(report) == 0);
  CHECK(step_named(report, "bundle").detail.starts_with("signed by region-1 of us-west"));
  CHECK(step_named(report, "command").detail == "/usr/bin/sh");
}

TEST_CASE("no step and no document has a value") {
  CheckScene scene;
  scene.region_answers();
  scene.directory.write(".env", "OPENAI_API_KEY=dotenv-canary\n");
  scene.image.emplace_back("OPENAI_API_KEY=image-canary");
  const CheckReport report = scene.check();
  std::string all = report_json(report, exit_code_of(report));
  for (const Step& step : report.steps) all += step_lines(step, {});
  CHECK(all.find("OPENAI_API_KEY") != std::string::npos);
  CHECK(all.find("canary") == std::string::npos);
}

TEST_CASE("a check writes no cache and no state directory") {
  CheckScene scene;
  scene.region_answers();
  scene.options.cache_directory = scene.directory.path("cache");
  scene.options.state_directory = scene.directory.path("state");
  CHECK(exit_code_of(scene.check()) == 0);
  CHECK_FALSE(std::filesystem::exists(scene.options.cache_directory));
  CHECK_FALSE(std::filesystem::exists(scene.options.state_directory));
}

TEST_CASE("a check with a login registers a key for minutes, and asks with it") {
  CheckScene scene;
  scene.log_in();
  scene.image.push_back("SSL_CERT_FILE=" + scene.directory.path("authority.pem"));
  scene.directory.write("authority.pem", "a certificate");
  scene.transport.will_answer(register_bot);
  scene.region_refuses(403);
  const CheckReport report = scene.check();
  CHECK(scene.observed == "login register resolve connect tls clock proof ");
  CHECK(scene.trusted == "a certificate");
  CHECK(step_named(report, "login").detail ==
        "https://secrets.test, organization acme, token of PIPECAT_TOKEN");
  CHECK(step_named(report, "register").detail.find(" of agent acme/bot") != std::string::npos);
  REQUIRE(scene.transport.requests.size() == 2);
  CHECK(scene.transport.requests.at(0).body->find("\"expiresIn\":300") != std::string::npos);
  CHECK(report_json(report, 0).find("canary") == std::string::npos);
}

TEST_CASE("a check with a login ends at the login or at the registration") {
  CheckScene scene;
  scene.log_in();
  scene.transport.will_answer(401);
  fails_at(scene.check(), "register", kExitRefused);
  fails_at(scene.check(), "login", kExitInjectorFailed);  // the first check has taken the token
  scene.log_in();
  scene.transport.will_fail(ErrorCode::unreachable);
  fails_at(scene.check(), "register", kExitUnreachable);
}

TEST_CASE("an unreachable control plane is tried once, without a pause") {
  CheckScene scene;
  scene.transport.will_fail(ErrorCode::unreachable, "connect: refused");
  fails_at(scene.check(), "resolve", kExitUnreachable);
  CHECK(scene.transport.requests.size() == 1);
  CHECK(scene.clock.sleeps.empty());
}

TEST_CASE("each refusal has its exit code") {
  for (const auto& [status, exit_code] :
       std::vector<std::pair<int, int>>{{401, kExitRefused},
                                        {403, kExitRefused},
                                        {404, kExitRefused},
                                        {409, kExitNotReady},
                                        {503, kExitUnreachable}}) {
    CheckScene scene;
    scene.region_refuses(status);
    fails_at(scene.check(), "proof", exit_code);
  }
}

TEST_CASE("a changed bundle fails the step bundle") {
  CheckScene scene;
  scene.transport.will_answer([&](const HttpRequest& request) -> Result<HttpResponse> {
    inspect_good_connection(request);
    HttpResponse answer = scene.region.answer(request);
    answer.headers["date"] = kDate;
    answer.body[answer.body.size() / 2] ^= 1;
    return answer;
  });
  fails_at(scene.check(), "bundle", kExitBadBundle);
}

TEST_CASE("a bundle older than the cached bundle fails the step bundle, unless it is accepted") {
  CheckScene scene;
  scene.fill_cache(50);
  scene.region.facts.sequence = 42;
  scene.region_answers();
  fails_at(scene.check(), "bundle", kExitBadBundle);
  scene.options.cache.accepted_sequence = 42;
  CHECK(exit_code_of(scene.check()) == 0);
}

TEST_CASE("the step cache shows for how long the cached bundle is usable, also during an outage") {
  CheckScene scene;
  scene.fill_cache(42);
  scene.transport.will_fail(ErrorCode::unreachable);
  scene.clock.advance(2h);
  CHECK(step_named(scene.check(), "cache")
            .detail.ends_with(": sequence 42, 2h old, would serve for 22h more"));
  scene.clock.advance(23h);
  const CheckReport late = scene.check();
  CHECK(step_named(late, "cache").status == StepStatus::warning);
  CHECK(step_named(late, "cache").detail.find("1d 1h old") != std::string::npos);
}

TEST_CASE("a damaged cache is a warning, as in a start, and a failure if the cache is required") {
  CheckScene scene;
  scene.region_answers();
  scene.fill_cache(42);
  scene.directory.write("cache/kid-1.bundle", "nonsense");
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  CHECK(step_named(report, "cache").status == StepStatus::warning);
  CHECK(step_named(report, "cache").detail.ends_with("; a start would go on without it"));
  scene.options.cache.required = true;
  fails_at(scene.check(), "cache", kExitInjectorFailed);
}
