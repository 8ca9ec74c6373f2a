// Requests whose answer is made after their work on a worker thread has ended.
#include "control-plane/http/test_server.h"

namespace agent_secrets::control_plane {

TEST_CASE("requests that are answered later wait without a worker and without a turn") {
  RunningServer server({.worker_threads = 1});
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(std::make_unique<Client>(server));
    waiting.back()->send("GET /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }
  auto answers = server.late.take(waiting.size());
  Client client(server);
  client.send(kHello);
  client.receive_through("{\"a\":1}");
  CHECK(server.counters.answered_requests.value() == waiting.size());
  for (auto& answer : answers) answer(Response{.body = "late"});
  for (const auto& one : waiting) CHECK(one->receive_all().ends_with("\r\n\r\nlate"));
  server.stop();
  CHECK(server.counters.answered_requests.value() == 0);
}

TEST_CASE("an answer may come before the function that waits for it returns") {
  RunningServer server({.worker_threads = 1});
  Client client(server);
  for (int i = 0; i < 20; ++i) {
    client.send("GET /soon HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(contains(client.receive_through("soon"), "HTTP/1.1 200 OK\r\n"));
  }
}

TEST_CASE("the work of an answer that is made later is called as long as it asks for it") {
  RunningServer server({.worker_threads = 1});
  Client client(server);
  client.send("GET /third HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(contains(client.receive_through("third"), "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a server that stops waits for the answers that are made later") {
  RunningServer server;
  Client client(server);
  client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  auto answers = server.late.take(1);
  server.begin_to_stop();
  answers.front()(Response{.body = "late"});
  CHECK(client.receive_all().ends_with("\r\n\r\nlate"));
}

}  // namespace agent_secrets::control_plane
