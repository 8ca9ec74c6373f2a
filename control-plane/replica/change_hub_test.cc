#include "control-plane/replica/change_hub.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {

TEST_CASE("a notify wakes each waiter of the agent once, and no waiter of another agent") {
  ChangeHub hub;
  int mine = 0;
  int other = 0;
  hub.subscribe(1, hub.generation(1), [&] { ++mine; });
  hub.subscribe(2, hub.generation(2), [&] { ++other; });
  hub.notify(1);
  hub.notify(1);
  CHECK(mine == 1);
  CHECK(other == 0);
}

TEST_CASE("a change between the read and the subscription wakes at once") {
  ChangeHub hub;
  const auto seen = hub.generation(1);
  hub.notify(1);
  int woken = 0;
  hub.subscribe(1, seen, [&] { ++woken; });
  CHECK(woken == 1);
}

TEST_CASE("no wake comes after unsubscribing") {
  ChangeHub hub;
  int woken = 0;
  const auto id = hub.subscribe(1, hub.generation(1), [&] { ++woken; });
  hub.unsubscribe(1, id);
  hub.unsubscribe(1, id);
  hub.notify(1);
  CHECK(woken == 0);
}

TEST_CASE("a wake may subscribe again") {
  ChangeHub hub;
  int woken = 0;
  hub.subscribe(1, 0, [&] { hub.subscribe(1, hub.generation(1), [&] { ++woken; }); });
  hub.notify(1);
  hub.notify(1);
  CHECK(woken == 1);
}

TEST_CASE("a change of all agents wakes all waiters") {
  ChangeHub hub;
  int woken = 0;
  hub.subscribe(1, 0, [&] { ++woken; });
  hub.subscribe(2, 0, [&] { ++woken; });
  hub.notify_all();
  CHECK(woken == 2);
}

TEST_CASE("a change of all agents between the read and the first subscription wakes at once") {
  ChangeHub hub;
  const auto seen = hub.generation(1);
  hub.notify_all();
  int woken = 0;
  hub.subscribe(1, seen, [&] { ++woken; });
  CHECK(woken == 1);
}

}  // namespace agent_secrets::control_plane
