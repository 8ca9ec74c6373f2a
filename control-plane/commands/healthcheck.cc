// `healthcheck`: asks a running server for /readyz or /livez, for a container's health check. The
// image has no shell and no curl.
//
// Only plain HTTP, by hand: a request of three lines, and the first line of the answer. An HTTP
// client with TLS would bring libcurl and its twenty libraries into the server's image and package.
// A server with TLS is asked at a Unix socket (`serve --listen unix:PATH`), which is plain.
//
// Source: RFC 9112, sections 3 and 4.

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"
#include "control-plane/listen_address.h"
#include "core/printable.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

struct HealthcheckOptions {
  std::string address = "127.0.0.1:7710";
  bool live = false;
};

// Each wait for the server. /readyz is answered from memory: a server that needs longer is not
// healthy. Docker ends a check after 30 s.
constexpr timeval kTimeout{.tv_sec = 5, .tv_usec = 0};
constexpr std::size_t kLongestAnswer = 16UL * 1024;

std::unexpected<Error> system_failure(std::string_view verb) {
  return fail(ErrorCode::unreachable, fmt::format("{}: {}", verb, errno_message(errno)));
}

Result<UniqueFd> connect_to(int family, const sockaddr* address, socklen_t size) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof(kTimeout)) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof(kTimeout)) != 0) {
    return system_failure("make a socket");
  }
  if (::connect(socket.get(), address, size) != 0) return system_failure("connect");
  return socket;
}

Result<UniqueFd> connect_to_path(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::invalid, "the path is too long for a Unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_to(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

Result<UniqueFd> connect_to_host(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int error =
      ::getaddrinfo(address.host.c_str(), fmt::to_string(address.port).c_str(), &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(list, ::freeaddrinfo);
  if (error != 0) return fail(ErrorCode::unreachable, std::string(::gai_strerror(error)));
  return connect_to(found->ai_family, found->ai_addr, found->ai_addrlen);
}

// The server closes the connection after its answer. A server with TLS closes it at once; with
// OpenSSL 3.5 it resets the connection without an answer.
Result<std::string> ask(const UniqueFd& socket, std::string_view path) {
  const std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
  const ssize_t sent = ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return system_failure("send");
  std::string answer;
  std::array<char, 4096> part{};
  while (answer.size() < kLongestAnswer) {
    const ssize_t got = ::recv(socket.get(), part.data(), part.size(), 0);
    if (got < 0 && errno == EAGAIN) return fail(ErrorCode::timed_out, "no answer within 5 s");
    if (got == 0 || (got < 0 && errno == ECONNRESET)) break;
    if (got < 0) return system_failure("wait for the answer");
    answer.append(part.data(), static_cast<std::size_t>(got));
  }
  return answer;
}

Result<void> judge(const std::string& answer) {
  constexpr std::string_view kProtocol = "HTTP/1.1 ";
  if (!answer.starts_with(kProtocol)) {
    return fail(ErrorCode::failed,
                answer.empty() ? "the server closed the connection without an answer"
                               : "the answer is not plain HTTP",
                "a server with TLS is asked at a Unix socket: serve --listen unix:PATH");
  }
  if (answer.starts_with("HTTP/1.1 200 ")) return {};
  const std::size_t body = answer.find("\r\n\r\n");
  return fail(ErrorCode::failed,
              printable(fmt::format("{} {}", answer.substr(kProtocol.size(), 3),
                                    body == std::string::npos ? "" : answer.substr(body + 4))));
}

Result<void> check_health(const HealthcheckOptions& options, const Clock& /*clock*/) {
  auto address = parse_listen_address(options.address);
  if (!address) return propagate(address);
  auto socket = address->path.empty() ? connect_to_host(*address) : connect_to_path(address->path);
  if (!socket) return propagate(socket, options.address);
  auto answer = ask(*socket, options.live ? "/livez" : "/readyz");
  if (!answer) return propagate(answer, options.address);
  if (auto healthy = judge(*answer); !healthy) return propagate(healthy, options.address);
  return {};
}

}  // namespace

void declare_healthcheck(const Declarations& declare) {
  const auto healthcheck = declare.command(
      "healthcheck", "Ask a running server whether it can serve", check_health,
      {.examples = {{"secret-control-plane healthcheck unix:/run/agent-secrets/api.sock",
                     "In a container, for serve --listen unix:/run/agent-secrets/api.sock"},
                    {"secret-control-plane healthcheck --live", "Only whether it answers at all"}},
       .text = "Exits with 0 if the server answers GET /readyz with 200 within 5 seconds. "
               "Otherwise prints the reason and exits with 1. Speaks plain HTTP: give a Unix "
               "socket of a server with TLS.",
       .reading = {{"docs/OPERATIONS.md", "Probes"}}});
  healthcheck
      .optional_argument("address", healthcheck->address,
                         "as of serve --listen: unix:PATH, or HOST:PORT")
      .takes("ADDRESS")
      .shows_default("127.0.0.1:7710");
  healthcheck.flag("--live", healthcheck->live,
                   "ask GET /livez instead, which does not look at the database");
}

}  // namespace agent_secrets::control_plane
