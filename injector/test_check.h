#pragma once
// Shared by the tests of `check`: a container with a credential, in front of a region that answers
// or refuses. No request leaves the process. One thread.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "injector/cache.h"
#include "injector/check.h"
#include "injector/exec.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_region.h"
#include "tests/fakes/fake_transport.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets {

inline constexpr const char* kDate = "Tue, 14 Nov 2023 22:13:20 GMT";  // 1'700'000'000

// Passes requests on to the transport of the scene, which outlives the check.
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

inline void inspect_good_connection(const HttpRequest& request) {
  REQUIRE(request.inspection != nullptr);
  Inspection& seen = *request.inspection;
  seen.authority = "region.test:443";
  seen.addresses = {"192.0.2.7"};
  constexpr std::chrono::microseconds kTook(1);
  seen.times = {.resolve = kTook, .connect = kTook, .tls = kTook, .answer = kTook, .body = kTook};
  seen.tls_version = "TLSv1.3";
  seen.certificate = PeerCertificate{.subject = "CN=region",
                                     .issuer = "CN=authority",
                                     .valid_from = std::chrono::seconds(1'600'000'000),
                                     .valid_until = std::chrono::seconds(1'800'000'000)};
}

// A container with a good credential, in front of a region that answers.
struct CheckScene {
  TemporaryDirectory directory;
  FakeRegion region;
  FakeClock clock{std::chrono::seconds(1'700'000'000)};
  FakeTransport transport;
  Options options;
  std::vector<std::string> image{"PATH=/usr/bin:/bin"};
  SecretBuffer variable{};

  CheckScene() {
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

inline const Step& step_named(const CheckReport& report, std::string_view name) {
  for (const Step& step : report.steps) {
    if (step.name == name) return step;
  }
  FAIL("no step " << name);
  throw;
}

inline void fails_at(const CheckReport& report, std::string_view name, int exit_code) {
  INFO(report.steps.back().detail);
  CHECK(report.steps.back().name == name);
  CHECK(report.steps.back().status == StepStatus::failed);
  CHECK(exit_code_of(report) == exit_code);
}

}  // namespace agent_secrets
