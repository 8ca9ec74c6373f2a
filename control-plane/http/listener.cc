#include "control-plane/http/listener.h"

#include <cerrno>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

error_code Listener::open(const tcp::endpoint& endpoint) {
  const tcp protocol = endpoint.protocol();
  UniqueFd fd(::socket(protocol.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return last_error();
  error_code error;
  acceptor_.assign(protocol, fd.get(), error);
  if (error) return error;
  (void)fd.release();
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

asio::awaitable<void> Listener::wait() {
  co_await acceptor_.async_wait(tcp::acceptor::wait_read, asio::as_tuple(asio::use_awaitable));
}

tcp::socket Listener::accept(tcp::endpoint& peer, error_code& error) {
  tcp::socket socket(io_);
  auto size = static_cast<socklen_t>(peer.capacity());
  UniqueFd fd(
      ::accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.is_open()) {
    error = last_error();
    return socket;
  }
  peer.resize(size);
  socket.assign(peer.protocol(), fd.get(), error);
  if (!error) (void)fd.release();
  return socket;
}

void Listener::close() {
  error_code ignored;  // an error here does not matter: the socket is closed
  (void)acceptor_.close(ignored);
}

}  // namespace agent_secrets::control_plane
