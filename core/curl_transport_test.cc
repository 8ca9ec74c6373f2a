#include "core/curl_transport.h"

#include <string>

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"

using namespace agent_secrets;
using namespace std::chrono_literals;

// CurlTransport refuses these before it opens a socket.
TEST_CASE("plain http to a host that is not loopback is refused") {
  CurlTransport transport({});
  for (const char* url :
       {"http://example.test/", "http://10.0.0.1/", "http://localhost.example.test/",
        "http://127.0.0.1.example.test/", "http://[::2]/", "http://128.0.0.1/"}) {
    const auto answer = transport.send({.url = url, .headers = {}}, 1s);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == ErrorCode::invalid);
    CHECK(answer.error().message.find("plain http") != std::string::npos);
  }
}

TEST_CASE("only http and https are spoken, and no user name is sent") {
  CurlTransport transport({});
  for (const char* url :
       {"file:///etc/passwd", "ftp://localhost/", "https://user@localhost/", ""}) {
    const auto answer = transport.send({.url = url, .headers = {}}, 1s);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == ErrorCode::invalid);
  }
}

TEST_CASE("no time left is a time-out, not for ever") {
  CurlTransport transport({});
  const auto answer = transport.send({.url = "http://127.0.0.1:1/", .headers = {}}, 0ms);
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().code == ErrorCode::timed_out);
}

TEST_CASE("a readable descriptor ends the wait for an answer") {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener.get(), generic, size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);  // accepted by the kernel, never answered
  REQUIRE(::getsockname(listener.get(), generic, &size) == 0);
  const UniqueFd interrupt(::eventfd(1, EFD_CLOEXEC));
  CurlTransport transport(
      {.ca_pem = "", .user_agent = "", .interrupt_fd = interrupt.get(), .dead_peer_timeout = 20s});
  const auto url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
  for (int i = 0; i < 2; ++i) {  // the transport can be used for the next request
    const auto answer = transport.send({.url = url, .headers = {}}, 60s);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == ErrorCode::interrupted);
  }
}
