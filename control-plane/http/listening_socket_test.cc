#include "control-plane/http/listening_socket.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat facts{};
  REQUIRE(::lstat(path.c_str(), &facts) == 0);
  return facts.st_mode & 07777;
}

// As a killed process leaves it: bound, and closed without being removed.
void leave_socket(const std::string& path) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a used port is an error with a hint") {
  const auto first = listen_at("127.0.0.1", 0);
  REQUIRE(first);
  CHECK(first->reach == ListeningSocket::Reach::loopback);
  const auto second = listen_at("127.0.0.1", first->port);
  REQUIRE_FALSE(second);
  CHECK(contains(second.error().message, "listen 127.0.0.1:"));
  CHECK(contains(second.error().hint, "--listen"));
}

TEST_CASE("an address of all interfaces is reached by the network, and a name is refused") {
  CHECK(listen_at("0.0.0.0", 0)->reach == ListeningSocket::Reach::network);
  CHECK_FALSE(listen_at("example.com", 0));
}

TEST_CASE("a path has its mode from the beginning, and is removed at the end") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("api.sock");
  {
    const auto socket = listen_at_path(path, 0660);
    REQUIRE(socket);
    CHECK(socket->name == "unix:" + path);
    CHECK(mode_of(path) == 0660);
    CHECK(::fcntl(socket->fd.get(), F_GETFD) == FD_CLOEXEC);
  }
  CHECK(::access(path.c_str(), F_OK) != 0);
}

TEST_CASE("the socket of a killed process is replaced") {
  const TemporaryDirectory directory;
  leave_socket(directory.path("api.sock"));
  CHECK(listen_at_path(directory.path("api.sock"), 0600));
}

TEST_CASE("a path at which a process listens is left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("api.sock");
  const auto first = listen_at_path(path, 0600);
  REQUIRE(first);
  const auto second = listen_at_path(path, 0600);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::conflict);
  // Also when it does not know the lock.
  REQUIRE(::unlink((path + ".lock").c_str()) == 0);
  REQUIRE_FALSE(listen_at_path(path, 0600));
  CHECK(::access(path.c_str(), F_OK) == 0);
}

TEST_CASE("a file that is no socket is not removed") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("api.sock");
  std::ofstream(path) << "text";
  REQUIRE_FALSE(listen_at_path(path, 0600));
  CHECK(::access(path.c_str(), F_OK) == 0);
}

TEST_CASE("a directory in which other users may write is refused") {
  const TemporaryDirectory directory;
  REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
  const auto refused = listen_at_path(directory.path("api.sock"), 0600);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().message, "other users may write"));
}

TEST_CASE("a path that does not fit into the kernel's address is refused") {
  CHECK_FALSE(listen_at_path("/tmp/" + std::string(200, 'a'), 0600));
  CHECK_FALSE(listen_at_path("relative.sock", 0600));
}

TEST_CASE("the sockets of the service manager are for the process that LISTEN_PID names") {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  const auto sockets = take_activated_sockets();
  REQUIRE(sockets);
  CHECK(sockets->empty());
  CHECK(std::getenv("LISTEN_FDS") == nullptr);
}

TEST_CASE("more sockets than there may be are refused") {
  ::setenv("LISTEN_FDS", "1000000", 1);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  CHECK_FALSE(take_activated_sockets());
}

}  // namespace
}  // namespace agent_secrets::control_plane
