#include "control-plane/fleet/use_recorder.h"

#include "tests/catch.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_region_store.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

struct Uses {
  Uses() { clock.advance(hours(1) - clock.unix_time() % hours(1)); }  // the beginning of an hour
  FakeClock clock;
  Log log{"test", LogLevel::error, LogFormat::text, -1};
  MemoryRegionStore store;
  UseRecorder recorder{"us-west", store, clock, log};
};

}  // namespace

TEST_CASE("a credential costs one write an hour, however often it is used") {
  Uses t;
  const milliseconds hour = t.clock.unix_time();
  for (int i = 0; i < 100; ++i) {
    t.recorder.used(7, "kid1");
    t.clock.advance(minutes(i == 0 ? 10 : 0));
    t.recorder.flush();
  }
  REQUIRE(t.store.uses.size() == 1);
  CHECK(t.store.uses[0].kid == "kid1");
  CHECK(t.store.uses[0].agent_id == 7);
  CHECK(t.store.uses[0].hour == hour);
  t.clock.advance(hours(1));
  t.recorder.used(7, "kid1");
  t.recorder.used(7, "kid2");
  t.recorder.flush();
  REQUIRE(t.store.uses.size() == 3);
  CHECK(t.store.uses[1].hour == hour + hours(1));
}

TEST_CASE("a use is kept while the store fails, and a later one replaces it") {
  Uses t;
  t.store.down = true;
  const milliseconds hour = t.clock.unix_time();
  t.recorder.used(7, "kid1");
  t.recorder.used(7, "kid2");
  t.recorder.flush();
  t.clock.advance(hours(1));
  t.recorder.used(7, "kid1");
  t.recorder.flush();
  t.store.down = false;
  t.recorder.flush();
  CHECK(t.store.uses.empty());  // not before the pause after a failure
  t.clock.advance(UseRecorder::kRetryAfter);
  t.recorder.flush();
  t.recorder.flush();
  REQUIRE(t.store.uses.size() == 2);
  CHECK(t.store.uses[0].hour == hour + hours(1));
  CHECK(t.store.uses[1].kid == "kid2");
  CHECK(t.store.uses[1].hour == hour);
}

}  // namespace agent_secrets::control_plane
