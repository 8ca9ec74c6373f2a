#include "control-plane/http/server.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"
#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

// Both ends of a rendezvous between a test and a parked request.
class Gate {
 public:
  void subscribed(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    condition_.notify_all();
  }
  void cancelled() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    condition_.notify_all();
  }
  std::function<void()> await_wake() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return wake_ != nullptr; });
    return wake_;
  }
  void await_cancelled() {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [&] { return cancelled_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  std::function<void()> wake_;
  bool cancelled_ = false;
};

// The answers that GET /later waits for.
class LateAnswers {
 public:
  using Answer = std::function<void(Response)>;
  void add(Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    changed_.notify_all();
  }
  // Waits until so many requests wait.
  std::vector<Answer> take(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_.size() == count; });
    return std::exchange(answers_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Answer> answers_;
};

class RunningServer {
 public:
  explicit RunningServer(ServerOptions options = {}) : router_(refuse) {
    add("GET", "/hello", [](const Request&) { return Response{.body = "{\"a\":1}"}; });
    add("PUT", "/echo",
        [](const Request& request) { return Response{.body = std::string(request.body)}; });
    add("GET", "/large", [](const Request&) { return Response{.body = std::string(kLarge, 'x')}; });
    add("GET", "/hang", [this](const Request&) {
      hanging.set_value();
      release.get_future().wait();
      return Response{.body = "{}"};
    });
    router_.add_immediate("GET", "/alive",
                          [](const Request&) { return Response{.body = "alive"}; });
    add("GET", "/park", [this](const Request& request) { return park(request); });
    add("GET", "/later", [this](const Request&) {
      return Later{.start = [this](auto answer) -> Later::Rest {
        late.add(std::move(answer));
        return {};
      }};
    });
    add("GET", "/soon", [](const Request&) {
      return Later{.start = [](const auto& answer) -> Later::Rest {
        answer(Response{.body = "soon"});
        return {};
      }};
    });
    add("GET", "/third", [](const Request&) {
      return Later{.start = [](auto answer) -> Later::Rest {
        return [calls = 0, answer = std::move(answer)]() mutable {
          if (++calls == 3) answer(Response{.body = "third"});
          return calls < 3;
        };
      }};
    });
    std::vector<ListeningSocket> sockets;
    sockets.push_back(std::move(*listen_at("127.0.0.1", 0)));
    port_ = sockets.front().port;
    sockets.push_back(std::move(*listen_at_path(socket_path(), 0600)));
    server_ =
        std::move(*Server::make(std::move(options), std::move(sockets), router_, log_, counters));
    thread_ = std::thread([this] { ran_ = server_->run(); });
  }
  ~RunningServer() { stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  void stop() {
    server_->stop();
    if (thread_.joinable()) thread_.join();
    CHECK(ran_);
  }
  void begin_to_stop() { server_->stop(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string socket_path() const { return directory_.path("api.sock"); }
  Gate gate;
  LateAnswers late;
  std::promise<void> hanging;  // GET /hang has begun
  std::promise<void> release;  // lets it end
  HttpCounters counters;
  std::atomic<int> authentications{0};
  static constexpr std::size_t kLarge = 4'000'000;

 private:
  // Uses the Authorization header as account, "someone" without a header; "wrong" fails.
  void add(std::string_view method, std::string_view pattern, const Handler& handler) {
    router_.add(method, pattern, [this, handler](const Request& request) -> Admission {
      ++authentications;
      const std::string name(request.header("authorization"));
      if (name == "wrong") {
        return Response{.status = 401, .failed = FailedAuthentication{}};
      }
      return Admitted{.account = name.empty() ? "someone" : name, .handle = handler};
    });
  }
  static Response refuse(const Request&, int status) {
    return {.status = status, .body = "{\"status\":" + std::to_string(status) + "}"};
  }
  Outcome park(const Request& request) {
    if (request.must_answer) {
      const bool plausible = request.waited < std::chrono::minutes(1);
      return Response{.body = plausible ? "{\"stopping\":true}" : "{}"};
    }
    if (request.waited.count() > 0) return Response{.body = "{\"woken\":true}"};
    return Wait{.at_most = std::chrono::seconds(60),
                .subscribe =
                    [this](auto wake) {
                      gate.subscribed(std::move(wake));
                      return [this] { gate.cancelled(); };
                    },
                .again = [this](const Request& later) { return park(later); }};
  }

  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  Log log_{"test", LogLevel::error, LogFormat::json};
  Router router_;
  std::unique_ptr<Server> server_;
  Result<void> ran_;
  std::thread thread_;
};

// A plain socket, so that a test can send any bytes.
class Client {
 public:
  // At the server's path.
  static Client at_path(const RunningServer& server) {
    Client client;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server.socket_path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::connect(client.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
            0);
    return client;
  }
  explicit Client(const RunningServer& server)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      REQUIRE(sent > 0);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void finish_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  [[nodiscard]] bool has_answer() const {
    pollfd socket{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&socket, 1, 5) > 0;
  }

  // Receives until the server closes; an error (a reset) fails the test.
  std::string receive_all() {
    char bytes[4096];
    for (;;) {
      const ssize_t size = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
      REQUIRE(size >= 0);
      if (size == 0) return std::exchange(received_, {});
      received_.append(bytes, static_cast<std::size_t>(size));
    }
  }
  // Receives through `text`, and returns all received bytes.
  std::string receive_through(std::string_view text) {
    char bytes[4096];
    while (received_.find(text) == std::string::npos) {
      const ssize_t size = ::recv(fd_.get(), bytes, sizeof(bytes), 0);
      REQUIRE(size > 0);
      received_.append(bytes, static_cast<std::size_t>(size));
    }
    std::string head = received_.substr(0, received_.find(text) + text.size());
    received_.erase(0, head.size());
    return head;
  }

 private:
  Client() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}

  UniqueFd fd_;
  std::string received_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kClosing = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

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

TEST_CASE("a body arrives in pieces and comes back whole") {
  RunningServer server;
  Client client(server);
  const std::string body(100'000, 'x');
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n");
  client.send("\r\n");
  client.send(body.substr(0, 7));
  client.send(body.substr(7));
  CHECK(client.receive_all().ends_with("\r\n\r\n" + body));
}

TEST_CASE("a chunked body comes back whole") {
  RunningServer server;
  Client client(server);
  client.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n");
  client.send("\r\n3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\n\r\n");
  CHECK(client.receive_all().ends_with("\r\n\r\nabcde"));
}

TEST_CASE("an oversized body is answered with 413 after the client has sent all of it") {
  RunningServer server;
  Client client(server);
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
  client.send(std::string(8'388'608, 'x'));
  const std::string answer = client.receive_all();
  CHECK(contains(answer, "HTTP/1.1 413 "));
  CHECK(answer.ends_with("{\"status\":413}"));
}

TEST_CASE("an oversized chunked body is answered with 413") {
  RunningServer server;
  Client client(server);
  client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) client.send(chunk);
  client.send("0\r\n\r\n");
  client.finish_sending();
  CHECK(contains(client.receive_all(), "HTTP/1.1 413 "));
}

constexpr std::string_view kPromise = "Expect: 100-continue\r\nContent-Length: 4194304\r\n\r\n";

std::string put(std::string_view who, std::string_view rest) {
  return "PUT /echo HTTP/1.1\r\nHost: a\r\nAuthorization: " + std::string(who) + "\r\n" +
         std::string(rest);
}

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

TEST_CASE("what a chunked trailer says is dropped") {
  RunningServer server;
  for (const char* trailer : {"Authorization: wrong", "Host: b", "X-Any: b"}) {
    Client client(server);
    client.send(put("a", "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"));
    client.send("3\r\nabc\r\n0\r\n" + std::string(trailer) + "\r\n\r\n");
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 200 "));
    CHECK(answer.ends_with("abc"));
  }
  Client late(server);
  late.send("PUT /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  late.send("3\r\nabc\r\n0\r\nHost: a\r\n\r\n");
  CHECK(contains(late.receive_all(), "HTTP/1.1 400 "));
}

TEST_CASE("a transfer coding other than exactly chunked is 400, and ends the connection") {
  RunningServer server;
  for (const char* framing :
       {"Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n", "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding: \vchunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n", "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n", "Content-Length: -1\r\n", "Content-Length: 0x3\r\n"}) {
    INFO(framing);
    Client client(server);
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n" +
                std::string(kHello));
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 400 "));
    CHECK(answer.ends_with("{\"status\":400}"));
    CHECK_FALSE(contains(answer, " 200 "));
  }
  Client upper(server);
  upper.send(put("a", "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"));
  CHECK(contains(upper.receive_all(), "HTTP/1.1 200 "));
  Client old(server);
  old.send("PUT /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK(contains(old.receive_all(), "HTTP/1.1 400 "));
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

TEST_CASE("a client that expects 100-continue hears it, or the refusal in its place") {
  RunningServer server;
  Client client(server);
  client.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
      "Content-Length: 3\r\n\r\n");
  CHECK(client.receive_through("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  CHECK(client.receive_all().ends_with("\r\n\r\nabc"));

  Client refused(server);
  refused.send(
      "PUT /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      "Content-Length: 99999999\r\n\r\n");
  CHECK(contains(refused.receive_all(), "HTTP/1.1 413 "));
}

TEST_CASE("a header past its bound is 431, and what is no HTTP is 400") {
  RunningServer server;
  Client large(server);
  large.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n");
  CHECK(contains(large.receive_all(), "HTTP/1.1 431 "));

  for (const std::string_view bytes :
       {"nonsense\r\n\r\n", "GET /hello HTTP/1.1\r\n\r\n", "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    INFO(bytes);
    Client client(server);
    client.send(bytes);
    const std::string answer = client.receive_all();
    CHECK(contains(answer, "HTTP/1.1 400 "));
    CHECK(answer.ends_with("{\"status\":400}"));
  }
}

TEST_CASE("HEAD has the length and no body, and HTTP/1.0 closes") {
  RunningServer server;
  Client client(server);
  client.send("HEAD /hello HTTP/1.0\r\n\r\n");
  const std::string answer = client.receive_all();
  CHECK(contains(answer, "Content-Length: 7\r\n"));
  CHECK(answer.ends_with("\r\n\r\n"));
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
  for (const auto& answer : answers) answer(Response{.body = "late"});
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
  const auto answers = server.late.take(1);
  server.begin_to_stop();
  answers.front()(Response{.body = "late"});
  CHECK(client.receive_all().ends_with("\r\n\r\nlate"));
}

TEST_CASE("the body of a request for an immediate route is not read") {
  RunningServer server;
  Client client(server);
  client.send("GET /alive HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  client.receive_through("alive");
  client.send("12345");
  CHECK(client.receive_all().empty());  // the connection closes
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

}  // namespace
}  // namespace agent_secrets::control_plane
