// How clients share a server: authentication, and what one account, one address and clients that
// are not authenticated yet ("strangers") may hold of connections, bodies, answers and time.
#include <memory>
#include <thread>
#include <vector>

#include "control-plane/http/test_server.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kPromise = "Expect: 100-continue\r\nContent-Length: 4194304\r\n\r\n";

}  // namespace

TEST_CASE("a small body that came with its header is authenticated once, after the first request") {
  RunningServer server;
  Client client(server);
  const auto authentications_of = [&](std::string_view header, std::string_view body) {
    const int before = server.authentications;
    client.send(std::string(header) + std::string(body));
    client.receive_through("\r\n\r\n" + std::string(body));
    return server.authentications - before;
  };
  const std::string small = put("a", "Content-Length: 3\r\n\r\n");
  CHECK(authentications_of(small, "abc") == 2);  // a stranger
  CHECK(authentications_of(small, "abc") == 1);
  CHECK(authentications_of(put("b", "Content-Length: 3\r\n\r\n"), "abc") == 1);
  const std::string large(limits::kSmallBody + 1, 'x');
  const std::string length = std::to_string(large.size());
  CHECK(authentications_of(put("b", "Content-Length: " + length + "\r\n\r\n"), large) == 2);
}

TEST_CASE("a small body of a wrong token is 401 on a connection that had a right one") {
  RunningServer server;
  Client client(server);
  client.send(put("a", "Content-Length: 3\r\n\r\nabc"));
  client.receive_through("\r\n\r\nabc");
  client.send(put("wrong", "Content-Length: 3\r\n\r\nabc"));
  CHECK(contains(client.receive_through("\r\n\r\n"), "HTTP/1.1 401 "));
  CHECK(server.counters.failed_authentications.value() == 1);
  // A stranger again: the next body waits for the authentication.
  const int before = server.authentications;
  client.send(put("a", "Content-Length: 3\r\n\r\nabc"));
  client.receive_through("\r\n\r\nabc");
  CHECK(server.authentications - before == 2);
}

TEST_CASE("a stranger's promise of a body gets its 401, no room and no 100-continue") {
  RunningServer server;
  std::vector<std::unique_ptr<Client>> promising;
  for (int i = 0; i < 100; ++i) {
    promising.push_back(std::make_unique<Client>(server));
    promising.back()->send(
        put("wrong", i % 2 == 0 ? kPromise : "Transfer-Encoding: chunked\r\n\r\n"));
    const std::string head = promising.back()->receive_through("\r\n\r\n");
    CHECK((contains(head, " 401 ") || contains(head, " 429 ")));
  }
  Client writer(server);
  writer.send(put("a", kPromise));
  CHECK(contains(writer.receive_through("\r\n\r\n"), "100 Continue"));
  CHECK(server.counters.refused_bodies.value() == 0);
}

TEST_CASE("one account gets half of the room for bodies, and 429 beyond; others go on") {
  RunningServer server;
  std::vector<std::unique_ptr<Client>> promising;
  for (std::size_t i = 0; i < limits::kRequestBodies / limits::kRequestBody / 2; ++i) {
    promising.push_back(std::make_unique<Client>(server));
    promising.back()->send(put("greedy", kPromise));
    promising.back()->receive_through("100 Continue\r\n\r\n");
  }
  Client refused(server);
  refused.send(put("greedy", kPromise));
  const std::string answer = refused.receive_all();
  CHECK(contains(answer, "HTTP/1.1 429 "));
  CHECK(contains(answer, "Retry-After: "));
  Client other(server);
  other.send(put("other", kPromise));
  CHECK(contains(other.receive_through("\r\n\r\n"), "100 Continue"));
  Client bodiless(server);
  bodiless.send(kClosing);
  CHECK(contains(bodiless.receive_all(), "HTTP/1.1 200 "));
  CHECK(server.counters.refused_bodies.value() == 1);

  promising.clear();
  std::string again = " 429 ";
  while (contains(again, " 429 ")) {  // until the server has noticed the closed connections
    Client next(server);
    next.send(put("greedy", kPromise));
    again = next.receive_through("\r\n\r\n");
  }
  CHECK(contains(again, "100 Continue"));
}

TEST_CASE("one account's answers that are not read get a bounded room, and others go on") {
  RunningServer server;
  const std::string ask = "GET /large HTTP/1.1\r\nHost: a\r\nAuthorization: greedy\r\n\r\n";
  std::vector<std::unique_ptr<Client>> deaf;
  // The sockets' buffers hold a part of each answer, so a few more answers than the budget are
  // needed.
  while (server.counters.refused_answers.value() == 0 && deaf.size() < 100) {
    deaf.push_back(std::make_unique<Client>(server));
    deaf.back()->send(ask);
    deaf.back()->receive_through("HTTP/1.1 ");
  }
  CHECK(server.counters.refused_answers.value() > 0);
  CHECK(deaf.size() >= (limits::kAnswers / 2 - limits::kResponseBody) / RunningServer::kLarge);
  Client other(server);
  other.send("GET /large HTTP/1.1\r\nHost: a\r\nAuthorization: other\r\nConnection: close\r\n\r\n");
  CHECK(other.receive_all().size() > RunningServer::kLarge);
}

TEST_CASE("strangers that fill the server make room for the next client") {
  RunningServer server({.max_connections = 8});
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<Client>(server));
  Client honest(server);
  honest.send(kClosing);
  CHECK(contains(honest.receive_all(), "HTTP/1.1 200 "));
}

TEST_CASE("long polls of one account leave room for others, and hear 429 beyond their share") {
  RunningServer server({.max_connections = 10});
  const std::string poll = "GET /park HTTP/1.1\r\nHost: a\r\nAuthorization: greedy\r\n\r\n";
  std::vector<std::unique_ptr<Client>> polls;
  for (int i = 0; i < 9; ++i) {
    polls.push_back(std::make_unique<Client>(server));
    polls.back()->send(poll);
  }
  std::string answer;  // the 429 to the ninth: eight connections are the share
  while (answer.empty()) {
    for (const auto& client : polls) {
      if (client->has_answer()) answer = client->receive_all();
    }
  }
  CHECK(contains(answer, "HTTP/1.1 429 "));
  CHECK(contains(answer, "Retry-After: "));
  CHECK(contains(answer, "Connection: close"));
  Client other(server);
  other.send(kClosing);
  CHECK(contains(other.receive_all(), "HTTP/1.1 200 "));
}

TEST_CASE("a stranger has little time for its header") {
  RunningServer server({.stranger_timeout = std::chrono::seconds(1)});
  Client silent(server);
  CHECK(silent.receive_all().empty());
  Client trickling(server);
  trickling.send("GET /hel");
  CHECK(contains(trickling.receive_all(), "HTTP/1.1 408 "));
  Client known(server);
  known.send(kHello);
  known.receive_through("{\"a\":1}");
  std::this_thread::sleep_for(std::chrono::milliseconds(1'300));
  known.send(kClosing);
  CHECK(contains(known.receive_all(), "HTTP/1.1 200 "));
}

TEST_CASE("too many wrong tokens of an address are 429, and a right one still gets through") {
  RunningServer server;
  Client client(server);
  const std::string wrong = "GET /hello HTTP/1.1\r\nHost: a\r\nAuthorization: wrong\r\n\r\n";
  for (int i = 0; i < limits::kFailuresPerMinute; ++i) {
    client.send(wrong);
    CHECK(contains(client.receive_through("\r\n\r\n"), " 401 "));
  }
  client.send(wrong);
  const std::string throttled = client.receive_through("{\"status\":429}");
  CHECK(contains(throttled, "Retry-After: "));
  client.send(kHello);
  CHECK(contains(client.receive_through("{\"a\":1}"), " 200 "));
  CHECK(server.counters.failed_authentications.value() == limits::kFailuresPerMinute + 1);
  CHECK(server.counters.throttled.value() == 1);
}

}  // namespace agent_secrets::control_plane
