#include "control-plane/fleet/recorder.h"

#include "core/limits.h"
#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_region_store.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Recording {
 public:
  void start(const std::string& instance, std::int64_t sequence) {
    hear(instance, sequence, true, false);
  }
  void watch(const std::string& instance, std::int64_t sequence) {
    hear(instance, sequence, false, true);
  }
  void develop(const std::string& instance, std::int64_t sequence) {
    hear(instance, sequence, true, false, true);
  }
  void hear(const std::string& instance, std::int64_t sequence, bool started, bool watched,
            bool developers_run = false) {
    recorder.heard({.agent_id = 7,
                    .instance = instance,
                    .sequence = sequence,
                    .kid = "kid1",
                    .at = clock.unix_time(),
                    .started = started,
                    .watched = watched,
                    .developers_run = developers_run});
  }

  FakeClock clock;
  Log log{"test", LogLevel::error, LogFormat::text, -1};
  MemoryRegionStore store;
  InstanceRecorder recorder{"us-west", store, clock, log};
};

TEST_CASE("requests are written at the flush, and many requests of one instance as one report") {
  Recording fleet;
  fleet.start("host-1", 5);
  fleet.clock.advance(milliseconds(200));
  for (int i = 0; i < 100; ++i) fleet.watch("host-1", 5);
  CHECK(fleet.store.heard.empty());
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 1);
  CHECK(fleet.store.heard[0].started);
  CHECK(fleet.store.heard[0].watched);
  CHECK(fleet.store.heard[0].at == fleet.clock.unix_time());
  fleet.recorder.flush();
  CHECK(fleet.store.heard.size() == 1);
}

TEST_CASE("a start replaces the earlier reports of its instance") {
  Recording fleet;
  fleet.watch("host-1", 5);
  fleet.start("host-1", 6);
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 1);
  CHECK(fleet.store.heard[0].sequence == 6);
  CHECK_FALSE(fleet.store.heard[0].watched);
}

TEST_CASE("a watch of an older release after a start is written after the start") {
  Recording fleet;
  fleet.start("host", 6);
  fleet.watch("host", 5);
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 2);
  CHECK(fleet.store.heard[0].started);
  CHECK(fleet.store.heard[1].sequence == 5);
}

TEST_CASE(
    "without reports, the first flush writes that the server listens, and then one every 10 s") {
  Recording fleet;
  fleet.recorder.flush();
  fleet.clock.advance(seconds(9));
  fleet.recorder.flush();
  CHECK(fleet.store.listened_at.size() == 1);
  fleet.clock.advance(seconds(1));
  fleet.recorder.flush();
  CHECK(fleet.store.listened_at.size() == 2);
  CHECK(fleet.store.listened_at.back() == fleet.clock.unix_time());
}

TEST_CASE("reports that could not be written are written later, with newer reports") {
  Recording fleet;
  fleet.start("host-1", 5);
  fleet.watch("host-2", 5);
  fleet.store.down = true;
  fleet.recorder.flush();
  fleet.start("host-1", 6);
  fleet.clock.advance(seconds(1));
  fleet.watch("host-2", 5);
  fleet.store.down = false;
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 2);
  CHECK(fleet.store.heard[0].sequence == 6);
  CHECK(fleet.store.heard[1].at == fleet.clock.unix_time());
}

TEST_CASE("the reports of a large fleet are written in several transactions") {
  Recording fleet;
  for (int i = 0; i < 2500; ++i) fleet.watch("host-" + std::to_string(i), 5);
  fleet.recorder.flush();
  CHECK(fleet.store.heard.size() == 2500);
  CHECK(fleet.store.listened_at.size() == 3);
}

TEST_CASE("past the limit, further instances add one mark of unlisted instances") {
  Recording fleet;
  for (std::size_t i = 0; i < limits::kInstanceReportsPending; ++i) {
    fleet.start("host-" + std::to_string(i), 5);
  }
  fleet.start("host-1", 6);
  fleet.start("late", 6);
  fleet.start("later", 6);
  fleet.recorder.flush();
  CHECK(fleet.store.heard.size() == limits::kInstanceReportsPending + 1);
  CHECK(fleet.store.heard.front().instance == kUnlistedInstances);
  CHECK(fleet.store.heard.front().sequence == 0);
  CHECK_FALSE(fleet.store.heard.front().watched);
}

TEST_CASE("while the store fails, one instance keeps its newest reports and a mark of the others") {
  Recording fleet;
  fleet.store.down = true;
  fleet.start("host", 1);
  for (std::int64_t sequence = 2; sequence <= 100'000; ++sequence) {
    fleet.watch("host", sequence);
    if (sequence % 10'000 == 0) fleet.recorder.flush();
  }
  fleet.store.down = false;
  fleet.recorder.flush();
  const auto& heard = fleet.store.heard;
  REQUIRE(heard.size() == limits::kSequencesPending + 1);
  CHECK(heard.front().instance == kUnlistedInstances);
  CHECK(heard[1].started);
  CHECK(heard.back().sequence == 100'000);
}

TEST_CASE("while the store fails, all instances together keep a bounded number of reports") {
  Recording fleet;
  fleet.store.down = true;
  const auto instances = limits::kInstanceReportsPending / limits::kSequencesPending + 1000;
  for (std::int64_t sequence = 1; sequence <= 2 * std::int64_t{limits::kSequencesPending};
       ++sequence) {
    for (std::size_t i = 0; i < instances; ++i) fleet.watch("host-" + std::to_string(i), sequence);
    fleet.recorder.flush();
  }
  fleet.store.down = false;
  fleet.recorder.flush();
  CHECK(fleet.store.heard.size() <= limits::kInstanceReportsPending + 1);
  CHECK(fleet.store.heard.front().instance == kUnlistedInstances);
}

TEST_CASE("run() writes the gathered reports before it stops") {
  Recording fleet;
  std::stop_source stop;
  fleet.start("host-1", 5);
  stop.request_stop();
  fleet.recorder.run(stop.get_token());
  CHECK(fleet.store.heard.size() == 1);
}

TEST_CASE("a developer's start does not replace a report with another sequence") {
  Recording fleet;
  fleet.develop("laptop.develop", 5);
  fleet.develop("laptop.develop", 6);
  fleet.develop("laptop.develop", 6);
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 2);
  CHECK((fleet.store.heard[0].developers_run && fleet.store.heard[0].started));
  CHECK((fleet.store.heard[1].developers_run && fleet.store.heard[1].started));
}

TEST_CASE("a developer's start under the id of a bot does not change the bot's report") {
  Recording fleet;
  fleet.watch("host-1", 5);
  fleet.develop("host-1", 5);
  fleet.start("host-2", 5);
  fleet.develop("host-2", 5);
  fleet.develop("host-3", 5);
  fleet.watch("host-3", 5);
  fleet.recorder.flush();
  REQUIRE(fleet.store.heard.size() == 3);
  for (const HeardInstance& heard : fleet.store.heard) {
    INFO(heard.instance);
    CHECK_FALSE(heard.developers_run);
    CHECK(heard.started == (heard.instance == "host-2"));
    CHECK(heard.watched == (heard.instance != "host-2"));
  }
}

}  // namespace
}  // namespace agent_secrets::control_plane
