#include "injector/check.h"

#include <filesystem>

#include <sys/stat.h>

#include "core/public_half.h"
#include "core/test_keys.h"
#include "injector/cache.h"
#include "injector/exec.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/temporary_directory.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

constexpr const char* kDate = "Tue, 14 Nov 2023 22:13:20 GMT";  // 1'700'000'000

// Hands the calls on to the scene's own, which outlives the check.
class BorrowedTransport final : public Transport {
 public:
  explicit BorrowedTransport(Transport& inner) : inner_(inner) {}
  Result<HttpResponse> send(const HttpRequest& request,
                            std::chrono::milliseconds timeout) override {
    return inner_.send(request, timeout);
  }

 private:
  Transport& inner_;
};

void inspect_good_connection(const HttpRequest& request) {
  REQUIRE(request.inspection != nullptr);
  Inspection& seen = *request.inspection;
  seen.authority = "region.test:443";
  seen.addresses = {"192.0.2.7"};
  seen.times = {.resolve = 1us, .connect = 1us, .tls = 1us, .answer = 1us, .body = 1us};
  seen.tls_version = "TLSv1.3";
  seen.certificate = PeerCertificate{.subject = "CN=region",
                                     .issuer = "CN=authority",
                                     .valid_from = 1'600'000'000s,
                                     .valid_until = 1'800'000'000s};
}

// A container with a good credential, in front of a region that answers.
struct Scene {
  TemporaryDirectory directory;
  FakeRegion region;
  FakeClock clock{1'700'000'000s};
  FakeTransport transport;
  Options options;
  std::vector<std::string> image{"PATH=/usr/bin:/bin"};
  SecretBuffer variable{};

  Scene() {
    directory.write("credential", region.credential_text().expose_text());
    REQUIRE(::chmod(directory.path("credential").c_str(), 0400) == 0);
    options.action = Action::check;
    options.credential_file = directory.path("credential");
    options.state_directory = directory.path();
  }
  void region_answers() {
    transport.will_answer([this](const HttpRequest& request) -> Result<HttpResponse> {
      inspect_good_connection(request);
      HttpResponse answer = region.answer(request);
      answer.headers["date"] = kDate;
      return answer;
    });
  }
  void region_refuses(int status) {
    transport.will_answer([status](const HttpRequest& request) -> Result<HttpResponse> {
      inspect_good_connection(request);
      return HttpResponse{.status = status, .headers = {{"date", kDate}}, .body = ""};
    });
  }
  FetchedBundle bundle(std::int64_t sequence) {
    region.facts.sequence = sequence;
    std::string compact = region.bundle();
    auto verified = verify_bundle(compact, region.identity()).value();
    return {.text = std::move(compact), .verified = std::move(verified)};
  }
  void fill_cache(std::int64_t sequence) {
    options.cache_directory = directory.path("cache");
    auto cache = BundleCache::open(options.cache_directory, region.identity()).value();
    REQUIRE(cache.keep(bundle(sequence), {}, std::chrono::milliseconds(500), clock).has_value());
  }

  CheckReport check() {
    std::vector<char*> pointers;
    for (std::string& entry : image) pointers.push_back(entry.data());
    pointers.push_back(nullptr);
    observed.clear();
    return run_check(options,
                     {.image = pointers.data(),
                      .credential_variable = variable,
                      .working_directory = directory.path(),
                      .clock = clock,
                      .make_transport =
                          [this](const CredentialIdentity&) {
                            return std::make_unique<BorrowedTransport>(transport);
                          },
                      .make_login_transport =
                          [this](const std::string& ca_pem) {
                            trusted = ca_pem;
                            return std::make_unique<BorrowedTransport>(transport);
                          }},
                     [this](const Step& step) { observed += step.name + ' '; });
  }
  // A developer's check, with a login from variables.
  void log_in() {
    options.credential_file.clear();
    options.develop.agent = "bot";
    options.environment.without_cli_token = true;
    image.emplace_back("PIPECAT_API_HOST=https://secrets.test");
    image.emplace_back("PIPECAT_TOKEN=pcc_pat_canary");
    image.emplace_back("PIPECAT_ORG=acme");
  }
  std::string observed{};
  std::string trusted{};
};

// As the control plane answers: the identity of the key that was sent.
Result<HttpResponse> register_bot(const HttpRequest& request) {
  const auto half = parse_public_half(request.body.value_or(""));
  REQUIRE(half.has_value());
  CredentialIdentity identity = test::identity();
  identity.kid = half->kid;
  identity.agent = "bot";
  return HttpResponse{.status = 201, .headers = {}, .body = identity_json(identity)};
}

const Step& step_named(const CheckReport& report, std::string_view name) {
  for (const Step& step : report.steps) {
    if (step.name == name) return step;
  }
  FAIL("no step " << name);
  throw;
}

void fails_at(const CheckReport& report, std::string_view name, int exit_code) {
  INFO(report.steps.back().detail);
  CHECK(report.steps.back().name == name);
  CHECK(report.steps.back().status == StepStatus::failed);
  CHECK(exit_code_of(report) == exit_code);
}

}  // namespace

TEST_CASE("a successful check has every step in the order of a start") {
  Scene scene;
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
  Scene scene;
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
  Scene scene;
  scene.region_answers();
  scene.options.cache_directory = scene.directory.path("cache");
  scene.options.state_directory = scene.directory.path("state");
  CHECK(exit_code_of(scene.check()) == 0);
  CHECK_FALSE(std::filesystem::exists(scene.options.cache_directory));
  CHECK_FALSE(std::filesystem::exists(scene.options.state_directory));
}

TEST_CASE("a check with a login registers a key for minutes, and asks with it") {
  Scene scene;
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
  Scene scene;
  scene.log_in();
  scene.transport.will_answer(401);
  fails_at(scene.check(), "register", kExitRefused);
  fails_at(scene.check(), "login", kExitInjectorFailed);  // the first check has taken the token
  scene.log_in();
  scene.transport.will_fail(ErrorCode::unreachable);
  fails_at(scene.check(), "register", kExitUnreachable);
}

TEST_CASE("a fault of the container fails the check with the exit code of a start") {
  Scene scene;
  scene.region_answers();
  scene.options.environment.require = {"MISSING"};
  fails_at(scene.check(), "environment", kExitInjectorFailed);
  scene.options.environment.require.clear();
  scene.options.command = {"no-such-program"};
  fails_at(scene.check(), "command", kExitNotFound);
  scene.options.command = {scene.directory.path("credential")};
  fails_at(scene.check(), "command", kExitNotExecutable);
  scene.options.credential_file = scene.directory.path("absent");
  fails_at(scene.check(), "credential", kExitInjectorFailed);
  CHECK(scene.observed == "credential ");
}

TEST_CASE("an unreachable control plane is tried once, without a pause") {
  Scene scene;
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
    Scene scene;
    scene.region_refuses(status);
    fails_at(scene.check(), "proof", exit_code);
  }
}

TEST_CASE("a changed bundle fails the step bundle") {
  Scene scene;
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
  Scene scene;
  scene.fill_cache(50);
  scene.region.facts.sequence = 42;
  scene.region_answers();
  fails_at(scene.check(), "bundle", kExitBadBundle);
  scene.options.cache.accepted_sequence = 42;
  CHECK(exit_code_of(scene.check()) == 0);
}

TEST_CASE("the step cache shows for how long the cached bundle is usable, also during an outage") {
  Scene scene;
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
  Scene scene;
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

TEST_CASE("conditions that a start only warns about are warnings of the check") {
  Scene scene;
  scene.region_answers();
  scene.region.values = {{"1ST", "v"}, {"A-B", "v"}, {"OPENAI_API_KEY", "v"}};
  scene.directory.write(".env", "export OPENAI_API_KEY=other\nLOG_LEVEL=debug\n");
  scene.options.environment.only = {"1ST", "A-B", "OPENAI_API_KEY", "TYPO"};
  scene.options.state_directory = "/proc/no/such";
  REQUIRE(::chmod(scene.directory.path("credential").c_str(), 0444) == 0);
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  for (const char* name : {"credential", "environment", "names", "dotenv", "state"}) {
    INFO(name);
    CHECK(step_named(report, name).status == StepStatus::warning);
    CHECK_FALSE(step_named(report, name).hint.empty());
  }
  CHECK(step_named(report, "environment").detail.ends_with("no set has: TYPO"));
  CHECK(step_named(report, "names").detail == "a shell drops: 1ST, A-B");
  CHECK(step_named(report, "dotenv").detail.ends_with("the injected: OPENAI_API_KEY"));
}

TEST_CASE("conflicts and keys that --only leaves out are shown without a warning") {
  Scene scene;
  scene.region_answers();
  scene.image.emplace_back("KEY=image");
  scene.region.values = {{"KEY", "v"}, {"OTHER", "v"}, {"THIRD", "v"}};
  scene.options.environment.only = {"KEY", "OTHER"};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == 0);
  CHECK(step_named(report, "environment").detail ==
        "2 keys; 1 replace the image's: KEY; 1 left out by --only: THIRD");
  scene.options.environment.on_conflict = OnConflict::fail;
  fails_at(scene.check(), "environment", kExitInjectorFailed);
}

TEST_CASE("new names and files are shown with the set's keys, and no file is made at a path") {
  Scene scene;
  scene.region_answers();
  scene.region.values = {{"KEY", "v"}, {"OTHER", "v"}, {"THIRD", "v"}};
  EnvironmentPolicy& environment = scene.options.environment;
  environment.renaming.renames = {{.from = "KEY", .to = "BOT_KEY"}, {.from = "TYPO", .to = "X"}};
  const std::string path = scene.directory.path("files/third");
  environment.files = {{.key = "OTHER", .variable = "IN_MEMORY", .path = ""},
                       {.key = "THIRD", .variable = "AT_PATH", .path = path}};
  scene.options.allow_disk = true;
  const CheckReport report = scene.check();
  CHECK(step_named(report, "environment")
            .detail.find("3 renamed: THIRD as AT_PATH, KEY as BOT_KEY, OTHER as IN_MEMORY") !=
        std::string::npos);
  CHECK(step_named(report, "environment").detail.ends_with("--rename names what no set has: TYPO"));
  CHECK(step_named(report, "files").detail ==
        "THIRD as AT_PATH in " + path + ", OTHER as IN_MEMORY in /proc/self/fd/100");
  CHECK_FALSE(std::filesystem::exists(scene.directory.path("files")));
  environment.files[1].path = "/proc/no/such/file";
  fails_at(scene.check(), "files", kExitInjectorFailed);
}

TEST_CASE(
    "names that the image usually sets are a warning with a reason, unless --allow has them") {
  Scene scene;
  scene.region_answers();
  scene.region.values = {{"ENV", "production"}, {"KEY", "v"}, {"PORT", "7860"}};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  CHECK(step_named(report, "environment").detail.find("ENV (is read by") != std::string::npos);
  CHECK(step_named(report, "environment").detail.find("PORT (sets how") != std::string::npos);
  scene.options.environment.allow = {"ENV", "PORT"};
  CHECK(exit_code_of(scene.check()) == 0);
}

TEST_CASE("a start without secrets is a warning with a hint") {
  Scene scene;
  scene.region_answers();
  scene.region.values = {};
  const CheckReport empty_set = scene.check();
  CHECK(exit_code_of(empty_set) == kExitWarnings);
  CHECK(step_named(empty_set, "open").status == StepStatus::warning);
  CHECK(step_named(empty_set, "open").hint.starts_with("write keys into the set"));

  scene.region.facts.sets.clear();
  const CheckReport no_set = scene.check();
  CHECK(step_named(no_set, "bundle").status == StepStatus::warning);
  CHECK(step_named(no_set, "bundle").hint.starts_with("deploy the agent with a secret set"));
  CHECK(step_named(no_set, "open").status == StepStatus::ok);
}

TEST_CASE("env files need no credential, no network and no cache") {
  Scene scene;
  scene.options.credential_file.clear();
  scene.directory.write(".env", "KEY=v\n");
  scene.options.env_files = {scene.directory.path(".env")};
  const CheckReport report = scene.check();
  CHECK(scene.observed == "env-file environment limits names dotenv state ");
  CHECK(exit_code_of(report) == 0);
  CHECK(step_named(report, "dotenv").detail.ends_with("is the env file itself"));
  CHECK(scene.transport.requests.empty());
  scene.options.env_files = {scene.directory.path("absent")};
  fails_at(scene.check(), "env-file", kExitInjectorFailed);
}

TEST_CASE("a key that the official CLI would store with another value is a warning with a reason") {
  Scene scene;
  scene.options.credential_file.clear();
  scene.directory.write(".env", "A='x'\nB=\nC=fine\nnot a pair\n");
  scene.options.env_files = {scene.directory.path(".env")};
  const CheckReport report = scene.check();
  CHECK(exit_code_of(report) == kExitWarnings);
  const Step step = step_named(report, "env-file");
  CHECK(step.status == StepStatus::warning);
  CHECK(step.detail.find("/.env:2: the value is empty; `secrets set --file` would store "
                         "something else: A (single quotes), B (empty)") != std::string::npos);
}

TEST_CASE("a script with a missing interpreter fails the step command") {
  Scene scene;
  scene.region_answers();
  const std::string script = scene.directory.path("bot");
  scene.options.command = {script};
  scene.directory.write("bot", "#!/no/such/python -u\n");
  REQUIRE(::chmod(script.c_str(), 0755) == 0);
  fails_at(scene.check(), "command", kExitNotFound);
  scene.directory.write("bot", "#!/bin/sh\r\n");
  fails_at(scene.check(), "command", kExitNotFound);
  scene.directory.write("bot", "echo no first line\n");
  CHECK(step_named(scene.check(), "command").status == StepStatus::warning);
  scene.directory.write("bot", "#! /bin/sh\n");
  CHECK(step_named(scene.check(), "command").detail == script + ", run by /bin/sh");
}
