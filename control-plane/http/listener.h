#pragma once
// The listening socket. Every socket here is close-on-exec from its first moment (SOCK_CLOEXEC,
// accept4), because deploy commands are started while clients connect; Asio alone would set it in a
// second step, and a command that starts in between would inherit the connection.
//
// Threads: the server's I/O thread only, but for open().

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace agent_secrets::control_plane {

class Listener {
 public:
  explicit Listener(boost::asio::io_context& io) : io_(io), acceptor_(io) {}

  boost::system::error_code open(const boost::asio::ip::tcp::endpoint& endpoint);
  // Until a client waits to be accepted, or close().
  boost::asio::awaitable<void> wait();
  // Without waiting: `would_block` when no client waits.
  boost::asio::ip::tcp::socket accept(boost::asio::ip::tcp::endpoint& peer,
                                      boost::system::error_code& error);
  void close();
  [[nodiscard]] boost::asio::ip::tcp::endpoint endpoint() const {
    return acceptor_.local_endpoint();
  }

 private:
  boost::asio::io_context& io_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

}  // namespace agent_secrets::control_plane
