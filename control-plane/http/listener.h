#pragma once
// The listening socket. Every socket here is close-on-exec from its creation (SOCK_CLOEXEC,
// accept4), because deploy commands are started while clients connect. Asio alone would set the
// flag in a second step, and a command that starts between the two steps would inherit the
// connection.
//
// Threads: the server's I/O thread only, except open().

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace agent_secrets::control_plane {

class Listener {
 public:
  explicit Listener(boost::asio::io_context& io) : io_(io), acceptor_(io) {}

  boost::system::error_code open(const boost::asio::ip::tcp::endpoint& endpoint);
  // Waits for a client to accept, or for close().
  boost::asio::awaitable<void> wait();
  // Does not wait: `would_block` if there is no client.
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
