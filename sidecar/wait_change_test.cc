#include "sidecar/wait_change.h"

#include <thread>

#include "sidecar/knowledge.h"
#include "sidecar/state_directory.h"
#include "sidecar/test_watch.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::sidecar {
namespace {

struct Waiting {
  TemporaryDirectory temporary;
  SystemClock clock;
  StateDirectory directory = std::move(*StateDirectory::open(temporary.path()));

  Waiting() { REQUIRE(directory.lock(clock, std::chrono::seconds(1))); }
  // Asserts without Catch2, whose assertions belong to one thread.
  void know(const char* json) {
    Knowledge knowledge;
    knowledge.answer = answer_of(json);
    knowledge.last_heard = clock.unix_time();
    AGENT_SECRETS_ASSERT(directory.write(kSidecarFile, to_json(knowledge, 123)).has_value());
  }
  StatusReport wait(WaitChangeOptions options = {}) const {
    options.state_directory = temporary.path();
    const auto report = wait_change(options, clock);
    REQUIRE(report.has_value());
    return *report;
  }
};

}  // namespace

TEST_CASE("a change that was there before the wait ends it at once") {
  Waiting w;
  w.know(kStaleJson);
  CHECK(w.wait().exit_code == kExitStale);
}

TEST_CASE("a change during the wait ends it") {
  Waiting w;
  w.know(kCurrentJson);
  std::jthread later([&w] { w.know(kSupersededJson); });
  CHECK(w.wait().exit_code == kExitSuperseded);
}

TEST_CASE("from another state, any other state ends it") {
  Waiting w;
  w.know(kCurrentJson);
  CHECK(w.wait({.from = WatchState::stale}).exit_code == kExitCurrent);
}

TEST_CASE("the time limit ends it with what is known") {
  Waiting w;
  w.know(kCurrentJson);
  const StatusReport report = w.wait({.from = {}, .timeout = std::chrono::seconds(0)});
  CHECK(report.exit_code == kExitTimedOut);
  CHECK(report.line.starts_with("current"));
}

TEST_CASE("a directory that is not there is an error") {
  CHECK_FALSE(wait_change({.state_directory = "/nonexistent"}, SystemClock()).has_value());
}

}  // namespace agent_secrets::sidecar
