#pragma once
// Stands between a client and a PostgreSQL server, on a Unix socket, and can break one connection
// at a COMMIT: before the server gets it, or after the server has answered and before the client
// gets the answer.
//
// Bytes are passed on as they come. A COMMIT of ours is small and alone, so it comes in one piece.

#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/unique_fd.h"
#include "tests/catch.h"
#include "tests/fakes/temporary_directory.h"

namespace agent_secrets::control_plane {

class PostgresProxy {
 public:
  enum class Break : std::uint8_t { no, before, after };

  // `server` is the directory of the server's socket.
  explicit PostgresProxy(const std::string& server) : server_(address_in(server)) {
    const sockaddr_un address = address_in(directory());
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
            0);
    REQUIRE(::listen(listener_.get(), 16) == 0);
    thread_ = std::jthread([this](const std::stop_token& stop) { accept_until(stop); });
  }

  [[nodiscard]] std::string directory() const { return directory_.path(""); }
  // The next COMMIT, once.
  void break_at_commit(Break where) const { break_ = where; }

 private:
  static UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }

  static sockaddr_un address_in(const std::string& directory) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = directory + "/.s.PGSQL.5432";
    REQUIRE(path.size() < sizeof address.sun_path);
    path.copy(&address.sun_path[0], path.size());
    return address;
  }

  void accept_until(const std::stop_token& stop) {
    std::vector<std::jthread> connections;
    while (!stop.stop_requested()) {
      pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      connections.emplace_back(
          [this, client = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC))](
              const std::stop_token& end) { pass(client.get(), end); });
    }
  }

  // Returns, and so closes both sides, when one of them has closed or at a break.
  void pass(int client, const std::stop_token& end) {
    const UniqueFd server = new_socket();
    if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&server_), sizeof server_) != 0) {
      return;
    }
    bool answers_are_lost = false;
    while (!end.stop_requested()) {
      std::array<pollfd, 2> both{pollfd{.fd = client, .events = POLLIN, .revents = 0},
                                 pollfd{.fd = server.get(), .events = POLLIN, .revents = 0}};
      if (::poll(both.data(), both.size(), 50) <= 0) continue;
      if (both[0].revents != 0) {
        const std::string bytes = receive(client);
        const bool is_commit = bytes.find("COMMIT") != std::string::npos;
        const Break where = is_commit ? break_.exchange(Break::no) : Break::no;
        if (bytes.empty() || where == Break::before) return;
        answers_are_lost = where == Break::after;
        send(server.get(), bytes);
      }
      if (both[1].revents != 0) {
        const std::string bytes = receive(server.get());
        if (bytes.empty() || answers_are_lost) return;
        send(client, bytes);
      }
    }
  }

  static std::string receive(int from) {
    std::array<char, 16384> buffer{};
    const ssize_t size = ::recv(from, buffer.data(), buffer.size(), 0);
    return {buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  static void send(int to, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  const sockaddr_un server_;
  TemporaryDirectory directory_;
  const UniqueFd listener_ = new_socket();
  mutable std::atomic<Break> break_ = Break::no;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace agent_secrets::control_plane
