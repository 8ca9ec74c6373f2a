#include "control-plane/http/listening_socket.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Reach = ListeningSocket::Reach;

constexpr int kFirstActivated = 3;  // SD_LISTEN_FDS_START

std::string display(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return fmt::format("{}:{}", host, endpoint.port());
}

std::unexpected<Error> cannot_listen(const std::string& name) {
  const int cause = errno;
  return fail(ErrorCode::failed, fmt::format("listen {}: {}", name, errno_message(cause)),
              cause == EADDRINUSE
                  ? "another process has this port: stop it, or choose another with --listen"
                  : "give an address of this machine and a port that you may use");
}

Result<tcp::endpoint> local_endpoint(int fd, const std::string& name) {
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(fd, endpoint.data(), &size) != 0) return cannot_listen(name);
  return endpoint;
}

Reach reach_of(const tcp::endpoint& endpoint) {
  return endpoint.address().is_loopback() ? Reach::loopback : Reach::network;
}

// A variable that the service manager sets, as a number; absent without it.
std::optional<int> take_number(const char* name) {
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there is another thread
  const char* text = std::getenv(name);
  std::optional<int> number;
  if (text != nullptr) {
    const std::string_view digits(text);
    int parsed = 0;
    const char* end = std::to_address(digits.end());
    const auto [rest, error] = std::from_chars(std::to_address(digits.begin()), end, parsed);
    if (error == std::errc() && rest == end) number = parsed;
  }
  (void)::unsetenv(name);
  // NOLINTEND(concurrency-mt-unsafe)
  return number;
}

int option_of(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

std::unexpected<Error> not_a_listener(int fd) {
  return fail(ErrorCode::invalid,
              fmt::format("descriptor {} of the service manager is no listening stream socket", fd),
              "in the .socket unit use ListenStream=, and leave Accept=no");
}

Result<ListeningSocket> adopt(UniqueFd fd) {
  const int number = fd.get();
  const int family = option_of(number, SO_DOMAIN);
  const bool listens =
      option_of(number, SO_TYPE) == SOCK_STREAM && option_of(number, SO_ACCEPTCONN) == 1;
  if (!listens || (family != AF_INET && family != AF_INET6 && family != AF_UNIX)) {
    return not_a_listener(number);
  }
  if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(number, F_SETFL, O_NONBLOCK) != 0) {
    return not_a_listener(number);
  }
  const std::string name = fmt::format("descriptor {}", number);
  if (family == AF_UNIX) {
    return ListeningSocket{.fd = std::move(fd), .reach = Reach::path, .name = "unix:" + name};
  }
  auto endpoint = local_endpoint(number, name);
  if (!endpoint) return propagate(endpoint);
  return ListeningSocket{.fd = std::move(fd),
                         .reach = reach_of(*endpoint),
                         .name = display(*endpoint),
                         .port = endpoint->port()};
}

}  // namespace

Result<ListeningSocket> listen_at(const std::string& host, std::uint16_t port) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) {
    return fail(ErrorCode::invalid, "listen: '" + host + "' is not an IP address",
                "give an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::1");
  }
  const tcp::endpoint wanted(address, port);
  const std::string name = display(wanted);
  UniqueFd fd(::socket(wanted.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!fd.is_open() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(fd.get(), wanted.data(), static_cast<socklen_t>(wanted.size())) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    return cannot_listen(name);
  }
  auto endpoint = local_endpoint(fd.get(), name);
  if (!endpoint) return propagate(endpoint);
  return ListeningSocket{.fd = std::move(fd),
                         .reach = reach_of(*endpoint),
                         .name = display(*endpoint),
                         .port = endpoint->port()};
}

Result<std::vector<ListeningSocket>> take_activated_sockets() {
  const auto process = take_number("LISTEN_PID");
  const auto count = take_number("LISTEN_FDS");
  (void)take_number("LISTEN_FDNAMES");
  std::vector<ListeningSocket> sockets;
  if (process != ::getpid() || !count || *count <= 0) return sockets;
  if (static_cast<std::size_t>(*count) > limits::kListenAddresses) {
    return fail(ErrorCode::invalid, fmt::format("the service manager gives {} sockets, and at most "
                                                "{} are possible",
                                                *count, limits::kListenAddresses));
  }
  for (int fd = kFirstActivated; fd < kFirstActivated + *count; ++fd) {
    auto adopted = adopt(UniqueFd(fd));
    if (!adopted) return propagate(adopted);
    sockets.push_back(std::move(*adopted));
  }
  return sockets;
}

}  // namespace agent_secrets::control_plane
