#include "control-plane/http/workers.h"

#include <atomic>
#include <latch>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

// Those of the machine, and one.
int processors() { return GENERATE(0, 1); }

TEST_CASE("all work is run before the threads end") {
  std::atomic<int> done = 0;
  Workers workers(processors());
  REQUIRE(workers.start(3));
  for (int i = 0; i < 1000; ++i) workers.post([&done] { ++done; });
  workers.finish();
  CHECK(done == 1000);
}

TEST_CASE("work that blocks leaves the other threads for other work") {
  Workers workers(processors());
  REQUIRE(workers.start(4));
  std::latch all_run(4);  // each piece waits for the others
  for (int i = 0; i < 4; ++i) workers.post([&all_run] { all_run.arrive_and_wait(); });
  workers.finish();
  CHECK(all_run.try_wait());
}

TEST_CASE("work that says that it waits leaves the other threads for other work") {
  Workers workers(processors());
  REQUIRE(workers.start(4));
  std::atomic<int> done = 0;
  for (int round = 0; round < 50; ++round) {
    std::latch all_run(4);
    for (int i = 0; i < 4; ++i) {
      workers.post([&] {
        const Blocking blocking;
        const Blocking inner;
        all_run.arrive_and_wait();
        ++done;
      });
    }
    all_run.wait();
    while (done < 4 * (round + 1)) std::this_thread::yield();
  }
  workers.finish();
}

TEST_CASE("work may post work, from several threads") {
  std::atomic<int> done = 0;
  std::latch last(200);
  Workers workers(processors());
  REQUIRE(workers.start(4));
  for (int i = 0; i < 100; ++i) {
    workers.post([&] {
      ++done;
      workers.post([&] {
        ++done;
        last.count_down();
      });
      last.count_down();
    });
  }
  last.wait();
  workers.finish();
  CHECK(done == 200);
}

TEST_CASE("work may wait, inside a Blocking, for work that it has posted") {
  Workers workers(processors());
  REQUIRE(workers.start(2));
  for (int round = 0; round < 50; ++round) {
    std::latch run(1);
    std::latch ended(1);
    workers.post([&] {
      workers.post([&run] { run.count_down(); });
      {
        const Blocking blocking;
        run.wait();
      }
      ended.count_down();
    });
    ended.wait();
  }
}

TEST_CASE("a thread that sleeps is woken again and again") {
  Workers workers(processors());
  REQUIRE(workers.start(2));
  for (int i = 0; i < 200; ++i) {
    std::latch run(1);
    workers.post([&run] { run.count_down(); });
    run.wait();
  }
}

TEST_CASE("work without threads waits for them") {
  bool done = false;
  Workers workers(processors());
  workers.post([&done] { done = true; });
  REQUIRE(workers.start(1));
  workers.finish();
  CHECK(done);
}

}  // namespace
}  // namespace agent_secrets::control_plane
