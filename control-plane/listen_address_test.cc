#include "control-plane/listen_address.h"

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

ListenAddress parsed(std::string_view text) {
  auto address = parse_listen_address(text);
  REQUIRE(address);
  return *address;
}

TEST_CASE("an address to listen at is a host and a port") {
  CHECK(parsed("127.0.0.1:7710").host == "127.0.0.1");
  CHECK(parsed("127.0.0.1:7710").port == 7710);
  CHECK(parsed("localhost:0").host == "localhost");
  CHECK(parsed("localhost:0").port == 0);
}

TEST_CASE("the brackets of an IPv6 address are not part of the host") {
  CHECK(parsed("[::1]:7710").host == "::1");
  CHECK(parsed("[::1]:65535").port == 65535);
}

TEST_CASE("text without a host, or without a port from 0 to 65535, is no address to listen at") {
  for (const char* text : {"", "7710", "127.0.0.1", ":7710", "[]:7710", "127.0.0.1:", "h:65536",
                           "h:-1", "h:77x", "h: 77", "unix:"}) {
    INFO("address: " << text);
    const auto address = parse_listen_address(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == ErrorCode::invalid);
    CHECK(address.error().hint == "give an address and a port, such as 127.0.0.1:7710");
  }
}

TEST_CASE("a Unix socket is a path") {
  CHECK(parsed("unix:/run/a.sock").path == "/run/a.sock");
  CHECK(parsed("unix:/run/a:1.sock").host.empty());
}

TEST_CASE("a mode of a socket is octal and has no more than reading and writing") {
  CHECK(*parse_socket_mode("0660") == 0660);
  CHECK(*parse_socket_mode("600") == 0600);
  for (const char* text : {"", "0888", "0777", "u=rw", "04660", "-1"}) {
    INFO("mode: " << text);
    CHECK_FALSE(parse_socket_mode(text));
  }
}

TEST_CASE("the URL of a server has the port that the kernel chose, and keeps the host") {
  const auto socket = open_listener("localhost:0", 0600);
  REQUIRE(socket);
  REQUIRE(socket->port != 0);
  const std::string address = "localhost:" + std::to_string(socket->port);
  CHECK(url_of(*socket, false) == "http://" + address);
  CHECK(url_of(*socket, true) == "https://" + address);
}

}  // namespace
}  // namespace agent_secrets::control_plane
