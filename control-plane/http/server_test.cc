#include "control-plane/http/server.h"

#include <atomic>
#include <cstdlib>
#include <thread>

#include <unistd.h>

#include "control-plane/http/test_server.h"

namespace agent_secrets::control_plane {

TEST_CASE("a connection serves one request after the other, also pipelined") {
  RunningServer server;
  Client client(server);
  client.send(kHello);
  CHECK(contains(client.receive_through("{\"a\":1}"), "HTTP/1.1 200 OK\r\n"));
  client.send(std::string(kHello) + std::string(kHello) + std::string(kClosing));
  client.receive_through("{\"a\":1}");
  client.receive_through("{\"a\":1}");
  const std::string last = client.receive_all();
  CHECK(contains(last, "Connection: close\r\n"));
  CHECK(contains(last, "\r\n\r\n{\"a\":1}"));
}

TEST_CASE("a server answers at its address and at its path, and removes the path at its end") {
  RunningServer server;
  Client client = Client::at_path(server);
  client.send(kHello);
  client.receive_through("{\"a\":1}");
  Client other(server);
  other.send(kHello);
  other.receive_through("{\"a\":1}");
  REQUIRE(::access(server.socket_path().c_str(), F_OK) == 0);
  server.stop();
  CHECK(::access(server.socket_path().c_str(), F_OK) != 0);
}

TEST_CASE("plain HTTP off loopback must be asked for") {
  const Router router([](const Request&, int status) { return Response{.status = status}; });
  const Log log("test", LogLevel::error, LogFormat::json);
  HttpCounters counters;
  const auto at_every_address = [] {
    std::vector<ListeningSocket> sockets;
    sockets.push_back(std::move(*listen_at("0.0.0.0", 0)));
    return sockets;
  };
  const auto refused = Server::make({}, at_every_address(), router, log, counters);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().hint, "--allow-plain-http"));
  CHECK(Server::make({.allow_plain_http = true}, at_every_address(), router, log, counters));
}

TEST_CASE("accepted sockets are close-on-exec from their first moment") {
  // With accept4 and SOCK_CLOEXEC there is no second step during which another thread could fork.
  // So a command that is started while clients connect does not inherit their sockets.
  RunningServer server;
  std::atomic<bool> done = false;
  std::thread connecting([&] {
    while (!done) Client client(server);
  });
  int inherited = 0;
  for (int i = 0; i < 25; ++i) {
    // Not run_command(), because it closes all descriptors in the child.
    // NOLINTNEXTLINE(concurrency-mt-unsafe, cert-env33-c): a fork beside the I/O thread is the test
    const int status = std::system(
        "for fd in /proc/self/fd/*; do case $(readlink \"$fd\") in socket:*) exit 1;; esac; done");
    if (status != 0) ++inherited;
  }
  done = true;
  connecting.join();
  CHECK(inherited == 0);
}

TEST_CASE("half a request is answered with 408 when its time is over") {
  RunningServer server({.request_timeout = std::chrono::seconds(1)});
  Client client(server);
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
  CHECK(contains(client.receive_all(), "HTTP/1.1 408 "));
}

TEST_CASE("an idle connection is closed without a word") {
  RunningServer server({.idle_timeout = std::chrono::seconds(1)});
  Client client(server);
  CHECK(client.receive_all().empty());
}

TEST_CASE("an immediate route answers while every worker hangs") {
  RunningServer server({.worker_threads = 1});
  Client hanging(server);
  hanging.send("GET /hang HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  server.hanging.get_future().wait();
  Client client(server);
  client.send("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n");
  client.receive_through("alive");
  CHECK(server.counters.answered_requests.value() == 1);
  server.release.set_value();
  hanging.receive_all();
}

TEST_CASE("the body of a request for an immediate route is not read") {
  RunningServer server;
  Client client(server);
  client.send("GET /alive HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  client.receive_through("alive");
  client.send("12345");
  CHECK(client.receive_all().empty());  // the connection closes
}

}  // namespace agent_secrets::control_plane
