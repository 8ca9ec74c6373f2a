#include "control-plane/http/listener.h"

#include <cerrno>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include "core/limits.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

error_code last_error() { return {errno, boost::system::system_category()}; }

// The whole of an IPv4 address; the first 64 bits of an IPv6 address, because a provider gives a
// /64 to a single customer.
std::string network_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  return asio::ip::network_v6(v6, 64).canonical().to_string();
}

// Without a limit the kernel buffers megabytes of each answer that is not read, in the container's
// memory. If an option cannot be set, the socket is only slower or larger.
void set_options(Socket& socket, bool is_tcp) {
  error_code ignored;
  if (is_tcp) (void)socket.set_option(tcp::no_delay(true), ignored);
  (void)socket.set_option(asio::socket_base::send_buffer_size(limits::kSendBuffer), ignored);
}

}  // namespace

Listener::Listener(asio::io_context& io, ListeningSocket socket)
    : io_(io),
      reach_(socket.reach),
      file_(std::move(socket.file)),
      descriptor_(io, socket.fd.release()),
      pause_(io) {}

asio::awaitable<void> Listener::wait() {
  co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, kAwait);
}

asio::awaitable<void> Listener::pause(std::chrono::milliseconds time) {
  pause_.expires_after(time);
  co_await pause_.async_wait(kAwait);
}

std::optional<Listener::Accepted> Listener::accept(error_code& error) {
  error = {};
  tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  const bool is_tcp = reach_ != ListeningSocket::Reach::path;
  UniqueFd fd(::accept4(descriptor_.native_handle(), is_tcp ? peer.data() : nullptr,
                        is_tcp ? &size : nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.is_open()) {
    error = last_error();
    return std::nullopt;
  }
  const asio::generic::stream_protocol protocol =
      is_tcp ? asio::generic::stream_protocol(peer.protocol())
             : asio::generic::stream_protocol(AF_UNIX, 0);
  Accepted accepted{.socket = Socket(io_), .network = is_tcp ? network_of(peer.address()) : "unix"};
  accepted.socket.assign(protocol, fd.get(), error);
  if (error) return std::nullopt;
  (void)fd.release();
  set_options(accepted.socket, is_tcp);
  return accepted;
}

void Listener::close() {
  error_code ignored;  // the descriptor is closed in every case
  (void)descriptor_.close(ignored);
  file_.reset();
  pause_.cancel();
}

}  // namespace agent_secrets::control_plane
