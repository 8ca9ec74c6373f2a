// Requests that the server parks until they are woken, their time is over, or the server stops.
#include "control-plane/http/test_server.h"

namespace agent_secrets::control_plane {

TEST_CASE("a parked request is answered when it is woken") {
  RunningServer server;
  Client client(server);
  client.send("GET /park HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto wake = server.gate.await_wake();
  wake();
  CHECK(client.receive_all().ends_with("{\"woken\":true}"));
  server.gate.await_cancelled();
  wake();  // late: has no effect
}

TEST_CASE("a woken request is answered with what is at hand") {
  RunningServer server;
  server.at_hand = Response{.body = "{\"at_hand\":true}"};
  Client client(server);
  client.send("GET /at-hand HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  server.gate.await_wake()();
  CHECK(client.receive_all().ends_with("{\"at_hand\":true}"));
  server.gate.await_cancelled();
}

TEST_CASE("a woken request for which nothing is at hand goes to its handler") {
  RunningServer server;
  Client client(server);
  client.send("GET /at-hand HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  server.gate.await_wake()();
  CHECK(client.receive_all().ends_with("{\"woken\":true}"));
}

TEST_CASE("a parked request is cancelled when its client goes away") {
  RunningServer server;
  Client client(server);
  client.send("GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
  server.gate.await_wake();
  client.close();
  server.gate.await_cancelled();
}

TEST_CASE("stopping answers parked requests and closes idle connections") {
  RunningServer server;
  Client idle(server);
  idle.send(kHello);
  idle.receive_through("{\"a\":1}");
  Client parked(server);
  parked.send("GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
  server.gate.await_wake();
  server.stop();
  CHECK(parked.receive_all().ends_with("{\"stopping\":true}"));
  CHECK(idle.receive_all().empty());
}

TEST_CASE("a wake after the server's end reaches nobody") {
  std::function<void()> wake;
  {
    RunningServer server;
    Client client(server);
    client.send("GET /park HTTP/1.1\r\nHost: a\r\n\r\n");
    wake = server.gate.await_wake();
  }
  wake();
}

TEST_CASE("a request is counted at its route, without the time for which it was parked") {
  RunningServer server;
  Client client(server);
  client.send("GET /park HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const auto wake = server.gate.await_wake();
  CHECK(server.counters.parked_requests.value() == 1);
  wake();
  client.receive_all();
  server.stop();
  CHECK(server.counters.parked_requests.value() == 0);
  CHECK(server.counters.connections.value() == 0);
  std::uint64_t requests = 0;
  server.counters.requests.each([&](std::string_view pattern, const auto& counted) {
    for (const Tally& range : counted.responses.ranges) {
      if (range.value() > 0) CHECK(pattern == "GET /park");
      requests += range.value();
    }
  });
  CHECK(requests == 1);
}

}  // namespace agent_secrets::control_plane
