#include "control-plane/http/seats.h"

#include <memory>
#include <vector>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

class Scene {
 public:
  explicit Scene(std::size_t total) : seats(total) {}

  // Does what the accept loop does; returns the number of the connection, from 0.
  std::size_t arrive(const std::string& address) {
    now += Seats::kStrangerGrace;
    REQUIRE((!seats.full() || seats.make_room(now)));
    const std::size_t number = all.size();
    all.push_back(std::make_unique<Seats::Seat>(seats, address, now,
                                                [this, number] { gone.push_back(number); }));
    return number;
  }
  // A connection whose request was answered, and that is idle now.
  bool arrive_as(const std::string& account) {
    Seats::Seat& seat = *all[arrive("192.0.2.7")];
    seat.stays();
    const bool belongs = seat.belong_to(account);
    seat.may_go();
    return belongs;
  }

  Seats seats;
  Seats::Time now;
  std::vector<std::unique_ptr<Seats::Seat>> all;
  std::vector<std::size_t> gone;
};

using Numbers = std::vector<std::size_t>;

TEST_CASE("a flood from one address pushes out itself, the oldest first") {
  Scene scene(4);
  scene.arrive("192.0.2.1");
  for (int i = 0; i < 6; ++i) scene.arrive("203.0.113.9");
  CHECK(scene.gone == Numbers{1, 2, 3});
  scene.arrive("192.0.2.2");
  CHECK(scene.gone == Numbers{1, 2, 3, 4});
}

TEST_CASE("a client that has only just come is not pushed out by those behind it") {
  Scene scene(2);
  scene.arrive("192.0.2.1");
  scene.arrive("192.0.2.1");
  scene.all[0].reset();
  scene.all.push_back(std::make_unique<Seats::Seat>(scene.seats, "192.0.2.2", scene.now, [] {}));
  CHECK_FALSE(scene.seats.make_room(scene.now + Seats::kStrangerGrace / 2));
  CHECK(scene.seats.make_room(scene.now + Seats::kStrangerGrace));
}

TEST_CASE("a stranger goes before a connection of an account") {
  Scene scene(3);
  CHECK(scene.arrive_as("a"));
  scene.arrive("192.0.2.1");
  scene.arrive("192.0.2.1");
  scene.arrive("192.0.2.2");
  CHECK(scene.gone == Numbers{1});
}

TEST_CASE("without strangers the connection that is idle longest goes, and a busy one never") {
  Scene scene(2);
  CHECK(scene.arrive_as("a"));
  CHECK(scene.arrive_as("b"));
  scene.all[0]->stays();
  scene.arrive("192.0.2.1");
  CHECK(scene.gone == Numbers{1});
  scene.all[2]->stays();
  CHECK(scene.seats.full());
  CHECK_FALSE(scene.seats.make_room(scene.now));
}

TEST_CASE("one account holds four fifths of the seats, and the next one four fifths of the rest") {
  Scene scene(45);
  std::size_t first = 0;
  while (scene.arrive_as("first")) ++first;
  CHECK(first == 36);
  std::size_t second = 0;
  while (scene.arrive_as("second")) ++second;
  CHECK(second == 7);
  CHECK(scene.arrive_as("third"));
}

TEST_CASE("a seat whose connection ended, and one that was vacated, are counted once") {
  Scene scene(1);
  scene.arrive("192.0.2.1");
  scene.arrive("192.0.2.1");
  scene.all[0].reset();
  CHECK(scene.seats.full());
  scene.all[1].reset();
  CHECK_FALSE(scene.seats.full());
}

TEST_CASE("a connection changes its account with its request") {
  Scene scene(5);
  CHECK(scene.arrive_as("a"));
  Seats::Seat& seat = *scene.all[0];
  seat.stays();
  CHECK(seat.belong_to("b"));
  CHECK(seat.account() == "b");
  CHECK(seat.belong_to(""));
  CHECK(seat.is_strangers());
}

}  // namespace
}  // namespace agent_secrets::control_plane
