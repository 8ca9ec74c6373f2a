#include "control-plane/replica/region_follower.h"

#include <future>
#include <thread>

#include "control-plane/test_stores.h"
#include "tests/fakes/forwarding_region_store.h"
#include "tests/fakes/memory_region_store.h"

namespace agent_secrets::control_plane {
namespace {

// Counts looks, can fail, and can answer with a counter that a test sets back.
class CountedStore final : public ForwardingRegionStore {
 public:
  explicit CountedStore(RegionStore& inner) : ForwardingRegionStore(inner) {}
  Result<RegionChanges> changes_since(std::int64_t number) override {
    ++looks;
    if (down) return fail(ErrorCode::unavailable, "no route to region");
    auto changes = ForwardingRegionStore::changes_since(number);
    if (changes) changes->number -= lost;
    return changes;
  }
  int looks = 0;
  bool down = false;
  std::int64_t lost = 0;
};

struct Followed {
  MemoryRegionStore memory;
  CountedStore store{memory};
  ChangeHub hub;
  Log log{"test", LogLevel::error, LogFormat::text};
  RegionFollower follower{"us-west", store, hub, log};

  void put(std::int64_t agent, std::int64_t revision) {
    REQUIRE(memory.put_agent(agent_of(agent, revision)));
  }
  // The counter goes up when the agent's watch is woken.
  void watch(std::int64_t agent, int& woken) {
    hub.subscribe(agent, hub.generation(agent), [&woken] { ++woken; });
  }
};

}  // namespace

TEST_CASE("a look wakes the watches of the agents that changed, and no others") {
  Followed t;
  t.follower.look();
  int changed = 0;
  int other = 0;
  t.watch(1, changed);
  t.watch(2, other);
  t.put(1, 1);
  t.follower.look();
  CHECK(changed == 1);
  CHECK(other == 0);
  t.watch(1, changed);
  t.follower.look();
  CHECK(changed == 1);
}

TEST_CASE("a look is one query, however many watches there are") {
  Followed t;
  t.follower.look();
  int woken = 0;
  for (std::int64_t agent = 0; agent < 100; ++agent) {
    t.put(agent, 1);
    for (int i = 0; i < 50; ++i) t.watch(agent, woken);
  }
  t.store.looks = 0;
  t.follower.look();
  CHECK(woken == 5000);
  CHECK(t.store.looks == 1);
}

TEST_CASE("the first look wakes all, because earlier changes are not known") {
  Followed t;
  t.put(1, 1);
  int woken = 0;
  t.watch(1, woken);
  t.watch(2, woken);
  t.follower.look();
  CHECK(woken == 2);
}

TEST_CASE("a number that has gone back wakes all, once") {
  Followed t;
  for (std::int64_t agent = 1; agent <= 3; ++agent) t.put(agent, 1);
  t.follower.look();
  int woken = 0;
  t.watch(1, woken);
  t.watch(9, woken);
  t.store.lost = 2;
  t.follower.look();
  CHECK(woken == 2);
  t.watch(1, woken);
  t.follower.look();
  CHECK(woken == 2);
}

TEST_CASE("a change while the store could not be read is found at the next look that succeeds") {
  Followed t;
  t.follower.look();
  int woken = 0;
  t.watch(1, woken);
  t.store.down = true;
  t.put(1, 1);
  t.follower.look();
  CHECK(woken == 0);
  t.store.down = false;
  t.follower.look();
  CHECK(woken == 1);
}

TEST_CASE("a follower that gets no hint finds a change by itself") {
  Followed t;
  t.follower.look();
  std::promise<void> woken;
  t.hub.subscribe(1, t.hub.generation(1), [&] { woken.set_value(); });
  t.put(1, 1);
  const std::jthread thread([&](const std::stop_token& stop) { t.follower.run(stop); });
  CHECK(woken.get_future().wait_for(std::chrono::seconds(60)) == std::future_status::ready);
}

TEST_CASE("many hints before a look cost one look") {
  Followed t;
  for (int i = 0; i < 10'000; ++i) t.follower.look_soon();
  std::promise<void> looked_twice;
  t.hub.subscribe(1, t.hub.generation(1), [&] {  // by the first look
    t.put(1, 1);
    t.hub.subscribe(1, t.hub.generation(1), [&] { looked_twice.set_value(); });
  });
  std::jthread thread([&](const std::stop_token& stop) { t.follower.run(stop); });
  REQUIRE(looked_twice.get_future().wait_for(std::chrono::seconds(60)) ==
          std::future_status::ready);
  thread.request_stop();
  thread.join();
  CHECK(t.store.looks < 100);
}

TEST_CASE("a change through one store is seen by the follower of another one") {
  TestStores t;
  const Stores elsewhere = need(t.open());
  RegionStore& theirs = *elsewhere.regions.at("us-west").store;
  ChangeHub hub;
  RegionFollower follower("us-west", theirs, hub, t.log);
  follower.look();
  int woken = 0;
  int other = 0;
  hub.subscribe(7, hub.generation(7), [&] { ++woken; });
  hub.subscribe(8, hub.generation(8), [&] { ++other; });
  need(t.region().put_agent(agent_of(7, 1)));
  follower.look();
  CHECK(woken == 1);
  CHECK(other == 0);
}

}  // namespace agent_secrets::control_plane
