#include "control-plane/http/turns.h"

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;

class Scene {
 public:
  explicit Scene(int at_once) : turns(io.get_executor(), at_once) {}

  void ask(const std::string& queue, int at_most) {
    asio::co_spawn(io, run(queue, at_most), asio::detached);
  }

  asio::io_context io;
  Turns turns;
  std::vector<std::string> order;
  int running = 0;
  int most = 0;

 private:
  asio::awaitable<void> run(std::string queue, int at_most) {
    co_await turns.wait(queue, at_most);
    const Turns::Turn turn(turns, queue);
    order.push_back(queue);
    most = std::max(most, ++running);
    for (int i = 0; i < 5; ++i) co_await asio::post(io, asio::use_awaitable);
    --running;
  }
};

TEST_CASE("a client with one request waits for a turn, not for another's hundred") {
  Scene scene(1);
  for (int i = 0; i < 100; ++i) scene.ask("busy", 4);
  scene.ask("quiet", 4);
  scene.io.run();
  REQUIRE(scene.order.size() == 101);
  CHECK(scene.order[1] == "quiet");
}

TEST_CASE("queues take turns one by one") {
  Scene scene(1);
  for (int i = 0; i < 3; ++i) {
    for (const char* queue : {"a", "b", "c"}) scene.ask(queue, 1);
  }
  scene.io.run();
  CHECK(scene.order == std::vector<std::string>{"a", "b", "c", "a", "b", "c", "a", "b", "c"});
}

TEST_CASE("one queue does not take all that runs at once, and no more than that ever run") {
  Scene scene(4);
  for (int i = 0; i < 10; ++i) scene.ask("busy", 2);
  scene.io.run();
  CHECK(scene.most == 2);
  scene.io.restart();
  for (int i = 0; i < 10; ++i) scene.ask("queue " + std::to_string(i), 2);
  scene.io.run();
  CHECK(scene.most == 4);
}

asio::awaitable<void> end_on_another_thread(Turns& turns, int& begun) {
  co_await turns.wait("queue", 1);
  Turns::Turn turn(turns, "queue");
  ++begun;
  std::thread([&turn] { turn.end(); }).join();
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

TEST_CASE("a turn may end on another thread, and then the next one begins") {
  asio::io_context io;
  Turns turns(io.get_executor(), 1);
  int begun = 0;
  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(io, end_on_another_thread(turns, begun), asio::detached);
  }
  io.run();
  CHECK(begun == 100);
}

}  // namespace
}  // namespace agent_secrets::control_plane
