#include "sidecar/status.h"

#include "sidecar/knowledge.h"
#include "sidecar/state_directory.h"
#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {
namespace {

constexpr std::chrono::seconds kHeard{1'700'000'000};

struct Reporting {
  TemporaryDirectory temporary;
  FakeClock clock;
  StateDirectory directory = std::move(*StateDirectory::open(temporary.path()));

  void live() { REQUIRE(directory.lock(clock, std::chrono::seconds(1))); }
  void know(const char* json) {
    Knowledge knowledge;
    knowledge.answer = answer_of(json);
    knowledge.last_heard = kHeard;
    REQUIRE(directory.write(kSidecarFile, to_json(knowledge, 123)));
  }
  StatusReport report(bool json = false) const {
    return report_status({.state_directory = temporary.path(), .json = json},
                         kHeard + std::chrono::seconds(12));
  }
};

TEST_CASE("each state has its exit code") {
  Reporting r;
  r.live();
  r.know(kCurrentJson);
  CHECK(r.report().exit_code == 0);
  r.know(kStaleJson);
  CHECK(r.report().exit_code == 10);
  r.know(kSupersededJson);
  CHECK(r.report().exit_code == 11);
  r.know(kRevokedJson);
  CHECK(r.report().exit_code == 12);
}

TEST_CASE("one line says what changed and when it was heard") {
  Reporting r;
  r.live();
  r.know(kStaleJson);
  CHECK(r.report().line == "stale: bot-secrets v2→v3 changed: GREETING (heard 12 s ago)\n");
  r.know(kCurrentJson);
  CHECK(r.report().line == "current (heard 12 s ago)\n");
}

TEST_CASE("what a dead sidecar knew is not believed") {
  Reporting r;
  r.know(kCurrentJson);
  CHECK(r.report().exit_code == 12);
  CHECK(r.report().line.starts_with("unknown: no sidecar is running"));
}

TEST_CASE("a sidecar that has asked nobody, or heard from nobody, knows nothing") {
  Reporting r;
  r.live();
  CHECK(r.report().exit_code == 12);
  REQUIRE(r.directory.write(kSidecarFile, to_json(Knowledge{}, 123)));
  CHECK(r.report().exit_code == 12);
  CHECK(r.report().line == "unknown: the sidecar has not heard from the control plane yet\n");
}

TEST_CASE("a state directory that is not there is unknown") {
  CHECK(report_status({.state_directory = "/nonexistent", .json = false}, kHeard).exit_code == 12);
}

TEST_CASE("as JSON, a known state is sidecar.json and an unknown one says why") {
  Reporting r;
  CHECK(r.report(true).line.starts_with(R"({"schema":1,"state":"unknown","reason":)"));
  r.live();
  r.know(kStaleJson);
  CHECK(r.report(true).line.starts_with(R"({"schema":1,"state":"stale",)"));
}

}  // namespace
}  // namespace agent_secrets::sidecar
