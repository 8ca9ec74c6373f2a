#include <functional>

#include "control-plane/commands/test_command.h"
#include "control-plane/test_stores.h"

namespace agent_secrets::control_plane {
namespace {

// Calls `event` after each sleep.
class EventfulClock final : public Clock {
 public:
  EventfulClock(FakeClock& time, std::function<void()> event)
      : time_(time), event_(std::move(event)) {}
  [[nodiscard]] std::chrono::milliseconds unix_time() const override { return time_.unix_time(); }
  [[nodiscard]] std::chrono::milliseconds monotonic() const override { return time_.monotonic(); }
  void sleep_for(std::chrono::milliseconds duration) override {
    ++sleeps;
    time_.advance(duration);
    event_();
  }
  int sleeps = 0;

 private:
  FakeClock& time_;
  std::function<void()> event_;
};

Result<ExitCode> wait_for_set(const TestStores& t, const std::string& timeout, Clock& clock) {
  return run_command({"set", "wait", "bot-secrets", "--timeout", timeout, "--data-dir", t.data(),
                      "--master-key-file", t.directory.path("master.key")},
                     clock);
}

}  // namespace

TEST_CASE("set wait does not wait for a set that is ready") {
  TestStores t(TestedDatabase::sqlite);
  t.write("bot-secrets", "A", "1");
  t.provision();
  EventfulClock clock(t.clock, [] {});
  CHECK(need(wait_for_set(t, "1m", clock)) == kExitOk);
  CHECK(clock.sleeps == 0);
}

TEST_CASE("set wait waits for a version that is written meanwhile") {
  TestStores t(TestedDatabase::sqlite);
  t.write("bot-secrets", "A", "1");
  int events = 0;
  EventfulClock clock(t.clock, [&] {
    if (++events == 1) t.write("bot-secrets", "A", "2");
    if (events == 3) t.provisioner->work_once();
  });
  CHECK(need(wait_for_set(t, "1m", clock)) == kExitOk);
  CHECK(clock.sleeps == 3);
  CHECK(t.set("bot-secrets").ready_version == 2);
}

TEST_CASE("set wait ends at its timeout, and reads the status at most about twice a second") {
  TestStores t(TestedDatabase::sqlite);
  t.write("bot-secrets", "A", "1");
  const auto started = t.clock.monotonic();
  EventfulClock clock(t.clock, [] {});
  CHECK(need(wait_for_set(t, "1m", clock)) == kExitWaitTimedOut);
  CHECK(t.clock.monotonic() - started == std::chrono::seconds(60));
  CHECK(clock.sleeps < 130);
  CHECK(need(wait_for_set(t, "0", clock)) == kExitWaitTimedOut);
  CHECK(clock.sleeps < 130);
}

TEST_CASE("set wait ends when the set fails") {
  TestStores t(TestedDatabase::sqlite);
  const SecretSet set = t.write("bot-secrets", "A", "1");
  EventfulClock clock(t.clock, [&] {
    need(t.catalog().outbox.mark_failed({.organization_id = t.acme,
                                         .set_id = set.id,
                                         .set_name = set.name,
                                         .version = set.version,
                                         .pending_since = {}},
                                        "the region is full", t.term()));
  });
  CHECK(need(wait_for_set(t, "1m", clock)) == kExitSetFailed);
  CHECK(clock.sleeps == 1);
}

TEST_CASE("set wait fails for a set that does not exist or is deleted meanwhile") {
  TestStores t(TestedDatabase::sqlite);
  EventfulClock clock(t.clock,
                      [&] { need(t.catalog().sets.remove(kAdmin, t.acme, "bot-secrets")); });
  CHECK(refusal(wait_for_set(t, "1m", clock)).code == ErrorCode::not_found);
  t.write("bot-secrets", "A", "1");
  CHECK(refusal(wait_for_set(t, "1m", clock)).code == ErrorCode::not_found);
}

}  // namespace agent_secrets::control_plane
