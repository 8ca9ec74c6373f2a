#pragma once
// Shared by the tests of the server: a server that runs on a thread of its own, and clients on
// plain sockets, which can send any bytes and stop at any byte.
//
// Threads: the server's thread runs from RunningServer's constructor to stop() or the destructor. A
// test calls RunningServer and Client from its own thread; Gate and LateAnswers are called from
// both.
//
// Limits: a Client waits for an answer without a timeout, so a test of a server that does not
// answer ends by the timeout of its ctest.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "control-plane/http/server.h"
#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

// Lets a test wait until a request of GET /park is parked, and until its wait is cancelled.
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
  using Answer = std::move_only_function<void(Response)>;
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

// A server with the routes of the constructor, at a port of 127.0.0.1 and at a path.
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
    add("GET", "/at-hand", [this](const Request& request) {
      Outcome outcome = park(request);
      if (auto* wait = std::get_if<Wait>(&outcome)) {
        wait->at_hand = [this](const Request&) { return at_hand; };
      }
      return outcome;
    });
    add("GET", "/later", [this](const Request&) {
      return Later{.start = [this](auto answer) -> Later::Rest {
        late.add(std::move(answer));
        return {};
      }};
    });
    add("GET", "/soon", [](const Request&) {
      return Later{.start = [](auto answer) -> Later::Rest {
        answer(Response{.body = "soon"});
        return {};
      }};
    });
    add("GET", "/third", [](const Request&) {
      return Later{.start = [](auto answer) -> Later::Rest {
        const auto kept = std::make_shared<LateAnswers::Answer>(std::move(answer));
        return [calls = 0, kept]() mutable {
          if (++calls == 3) (*kept)(Response{.body = "third"});
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
  std::optional<Response> at_hand;  // for GET /at-hand
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

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

inline constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr std::string_view kClosing =
    "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

// A request of the account `who`; `rest` is the rest of its header, and its body.
inline std::string put(std::string_view who, std::string_view rest) {
  return "PUT /echo HTTP/1.1\r\nHost: a\r\nAuthorization: " + std::string(who) + "\r\n" +
         std::string(rest);
}

}  // namespace agent_secrets::control_plane
