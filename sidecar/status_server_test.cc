#include "sidecar/status_server.h"

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

// A server on a free port of loopback. Its thread never ends, so thread and server are not
// destroyed, as in the sidecar itself.
std::uint16_t serve() {
  auto bound = StatusServer::bind(
      "127.0.0.1:0", [](std::string_view path) { return Page{.body = std::string(path) + "\n"}; });
  REQUIRE(bound);
  StatusServer* server = bound->release();
  std::thread([server] { server->run(); }).detach();
  return server->port();
}

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  return fd;
}

std::string read_until_closed(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t size = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (size <= 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

std::string ask(std::uint16_t port, const std::string& headers) {
  const UniqueFd fd = connect_to(port);
  const std::string request = "GET /livez HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n";
  REQUIRE(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  return read_until_closed(fd.get());
}

std::string status_of(const std::string& answer) { return answer.substr(9, 3); }

TEST_CASE("whoever asks by an address or as localhost is answered") {
  const std::uint16_t port = serve();
  for (const char* host : {"127.0.0.1", "127.0.0.1:9090", "localhost", "LocalHost:80", "[::1]",
                           "[::1]:9090", "10.1.2.3:9090"}) {
    INFO(host);
    CHECK(status_of(ask(port, std::string("Host: ") + host + "\r\n")) == "200");
  }
}

TEST_CASE("a request for another host is refused, so that no web page can read the status") {
  const std::uint16_t port = serve();
  for (const char* host : {"evil.example", "evil.example:9090", "localhost.evil.example",
                           "127.0.0.1.evil.example", "", "[evil.example]", "localhost@evil"}) {
    INFO(host);
    CHECK(status_of(ask(port, std::string("Host: ") + host + "\r\n")) == "421");
  }
  CHECK(status_of(ask(port, "")) == "400");
  CHECK(status_of(ask(port, "Host: localhost\r\nHost: evil.example\r\n")) == "400");
}

TEST_CASE("idle connections keep no probe out") {
  const std::uint16_t port = serve();
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(connect_to(port));
  for (int i = 0; i < 20; ++i) {
    const auto before = std::chrono::steady_clock::now();
    CHECK(status_of(ask(port, "Host: localhost\r\n")) == "200");
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(1));
  }
}

}  // namespace
}  // namespace agent_secrets::sidecar
