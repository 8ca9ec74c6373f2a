#include "injector/check_connection.h"

#include "injector/exec.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds kNow{1'700'000'000};

// An answer over TLS, as good as it can be.
Attempt good_attempt() {
  return {.url = "https://region.test/instance/v1/bundle",
          .inspection = {.authority = "region.test:443",
                         .addresses = {"2001:db8::7", "192.0.2.7"},
                         .times = {.resolve = 100us,
                                   .connect = 200us,
                                   .tls = 300us,
                                   .answer = 400us,
                                   .body = 5us},
                         .tls_version = "TLSv1.3",
                         .tls_cipher = "TLS_AES_256_GCM_SHA384",
                         .certificate = PeerCertificate{.subject = "CN=region",
                                                        .issuer = "CN=authority",
                                                        .valid_from = kNow - 24h,
                                                        .valid_until = kNow + 24h * 90}},
          .error = {},
          .status = 200,
          .server_time = kNow,
          .our_time = kNow};
}

// One that broke off with this error before the phases from `first_missing` on.
Attempt broken_attempt(ErrorCode code, int first_missing) {
  Attempt attempt = good_attempt();
  attempt.error = Error{code, "the cause", "the advice"};
  attempt.status = 0;
  attempt.server_time.reset();
  PhaseTimes& times = attempt.inspection.times;
  times.answer = times.body = {};
  if (first_missing <= 2) times.tls = {};
  if (first_missing <= 1) times.connect = {};
  if (first_missing <= 0) times.resolve = {};
  return attempt;
}

std::vector<Step> steps_of(const Attempt& attempt, ErrorCode fetched = ErrorCode::failed) {
  const bool is_good = !attempt.error && attempt.status == 200;
  return connection_steps({attempt},
                          is_good ? std::optional<Error>()
                                  : std::optional(Error{fetched, "fetch bundle: no", "advice"}));
}

std::string names_of(const std::vector<Step>& steps) {
  std::string names;
  for (const Step& step : steps) names += step.name + ' ';
  return names;
}

void ends_with(const std::vector<Step>& steps, const std::string& name, int exit_code) {
  INFO(names_of(steps));
  REQUIRE_FALSE(steps.empty());
  CHECK(steps.back().name == name);
  CHECK(steps.back().status == StepStatus::failed);
  CHECK(steps.back().exit_code == exit_code);
  for (const Step& step : steps) {
    CHECK((step.status != StepStatus::failed || &step == &steps.back()));
  }
}

const FactValue& fact(const Step& step, std::string_view name) {
  for (const auto& [key, value] : step.facts) {
    if (key == name) return value;
  }
  FAIL("no fact " << name);
  throw;
}

}  // namespace

TEST_CASE("a successful attempt gives five successful steps with their times") {
  const auto steps = steps_of(good_attempt());
  CHECK(names_of(steps) == "resolve connect tls clock proof ");
  for (const Step& step : steps) CHECK(step.status == StepStatus::ok);
  CHECK(steps[0].detail == "region.test:443: 2001:db8::7, 192.0.2.7");
  CHECK(steps[1].detail == "192.0.2.7");
  CHECK(steps[2].detail == "TLSv1.3; CN=region by CN=authority, valid 2023-11-13 to 2024-02-12");
  CHECK(steps[0].took == 100us);
  CHECK(steps[1].took == 200us);
  CHECK(steps[2].took == 300us);
  CHECK(steps[4].took == 400us);
}

TEST_CASE("the first missing phase of an attempt is the failed step, which ends the list") {
  ends_with(steps_of(broken_attempt(ErrorCode::unreachable, 0)), "resolve", kExitUnreachable);
  ends_with(steps_of(broken_attempt(ErrorCode::timed_out, 1)), "connect", kExitUnreachable);
  ends_with(steps_of(broken_attempt(ErrorCode::untrusted, 2)), "tls", kExitUnreachable);
  ends_with(steps_of(broken_attempt(ErrorCode::timed_out, 3)), "proof", kExitUnreachable);
  ends_with(steps_of(broken_attempt(ErrorCode::too_large, 3)), "proof", kExitUnreachable);
  ends_with(steps_of(broken_attempt(ErrorCode::invalid, 0)), "resolve", kExitInjectorFailed);
  CHECK(steps_of(broken_attempt(ErrorCode::unreachable, 1)).back().detail == "the cause");
  CHECK(steps_of(broken_attempt(ErrorCode::unreachable, 1)).back().hint == "the advice");
}

TEST_CASE("the step shows a refused certificate") {
  const auto steps = steps_of(broken_attempt(ErrorCode::untrusted, 2));
  CHECK(steps.back().detail.starts_with("the cause; CN=region by CN=authority"));
  CHECK(std::get<std::string>(fact(steps.back(), "valid_until")) == "2024-02-12T22:13:20.000Z");
}

TEST_CASE("a certificate that ends within a fortnight is a warning") {
  Attempt attempt = good_attempt();
  attempt.inspection.certificate->valid_until = kNow + 24h * 14;
  CHECK(steps_of(attempt)[2].status == StepStatus::ok);
  attempt.inspection.certificate->valid_until = kNow + 24h * 14 - 1s;
  const Step tls = steps_of(attempt)[2];
  CHECK(tls.status == StepStatus::warning);
  CHECK(tls.detail.ends_with("; 13d 23h left"));
  CHECK(std::get<std::int64_t>(fact(tls, "days_left")) == 13);
}

TEST_CASE("for plain http the step shows no certificate") {
  Attempt attempt = good_attempt();
  attempt.url = "http://127.0.0.1:8080/instance/v1/bundle";
  attempt.inspection.authority = "127.0.0.1:8080";
  attempt.inspection.times.tls = {};
  attempt.inspection.certificate = {};
  CHECK(steps_of(attempt)[2].detail == "none: plain http");
  CHECK(steps_of(attempt)[2].status == StepStatus::ok);
  CHECK(steps_of(attempt).back().name == "proof");
}

TEST_CASE("plain http off loopback is a warning") {
  for (const auto& [authority, status] : {std::pair{"region.test:8080", StepStatus::warning},
                                          {"[2001:db8::7]:80", StepStatus::warning},
                                          {"[::1]:8080", StepStatus::ok},
                                          {"localhost:8080", StepStatus::ok}}) {
    Attempt attempt = good_attempt();
    attempt.url = std::string("http://") + authority + "/instance/v1/bundle";
    attempt.inspection.authority = authority;
    attempt.inspection.times.tls = {};
    attempt.inspection.certificate = {};
    CAPTURE(authority);
    CHECK(steps_of(attempt)[2].status == status);
  }
}

TEST_CASE("clocks may differ by 30 s, and by 300 s with a warning") {
  const auto clock_at = [](std::chrono::seconds offset) {
    Attempt attempt = good_attempt();
    attempt.server_time = kNow - offset;
    return steps_of(attempt)[3];
  };
  CHECK(clock_at(0s).detail == "the same as the control plane's");
  CHECK(clock_at(30s).status == StepStatus::ok);
  CHECK(clock_at(30s).detail == "this host is 30s ahead of the control plane");
  CHECK(clock_at(-31s).status == StepStatus::warning);
  CHECK(clock_at(-31s).detail == "this host is 31s behind the control plane");
  CHECK(clock_at(300s).status == StepStatus::warning);
  CHECK(clock_at(-301s).status == StepStatus::failed);
  CHECK(clock_at(-301s).exit_code == kExitRefused);
  CHECK(std::get<std::int64_t>(fact(clock_at(-301s), "difference_s")) == -301);
}

TEST_CASE("an answer without a date is a warning") {
  Attempt attempt = good_attempt();
  attempt.server_time.reset();
  CHECK(steps_of(attempt)[3].status == StepStatus::warning);
  CHECK(steps_of(attempt)[4].status == StepStatus::ok);
}

TEST_CASE("a refusal fails the step proof, with the exit code for its status") {
  const std::vector<std::tuple<int, ErrorCode, int>> refusals = {
      {401, ErrorCode::unauthorized, kExitRefused},    {403, ErrorCode::forbidden, kExitRefused},
      {404, ErrorCode::not_found, kExitRefused},       {409, ErrorCode::conflict, kExitNotReady},
      {503, ErrorCode::unavailable, kExitUnreachable}, {418, ErrorCode::failed, kExitUnreachable}};
  for (const auto& [status, code, exit_code] : refusals) {
    Attempt attempt = good_attempt();
    attempt.status = status;
    const auto steps = steps_of(attempt, code);
    ends_with(steps, "proof", exit_code);
    CHECK(steps.back().detail == "fetch bundle: no");
    CHECK(std::get<std::int64_t>(fact(steps.back(), "http_status")) == status);
  }
}

TEST_CASE("a base URL that did not answer is one warning") {
  Attempt silent = broken_attempt(ErrorCode::unreachable, 1);
  silent.url = "https://first.test/instance/v1/bundle";
  Attempt skewed = good_attempt();
  skewed.status = 401;
  Attempt kept = good_attempt();  // on the connection of `skewed`
  kept.inspection = {};
  kept.inspection.times.answer = 7us;
  const auto steps = connection_steps({silent, skewed, silent, kept}, std::nullopt);
  CHECK(names_of(steps) == "resolve connect tls clock proof ");
  CHECK(steps[1].status == StepStatus::warning);
  CHECK(steps[1].detail == "192.0.2.7; before that: the cause");
  CHECK(std::get<std::vector<std::string>>(fact(steps[1], "silent_urls")).size() == 1);
  CHECK(steps[2].detail.starts_with("TLSv1.3"));
  CHECK(steps[4].took == 7us);
}
