#pragma once
// Accepts connections at one listening socket (listening_socket.h). Every socket here is
// close-on-exec from its creation (SOCK_CLOEXEC, accept4), because deploy commands are started
// while clients connect. Asio alone would set the flag in a second step, and a command that starts
// between the two steps would inherit the connection.
//
// Threads: the server's I/O thread only.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "control-plane/http/listening_socket.h"
#include "control-plane/http/stream.h"

namespace agent_secrets::control_plane {

class Listener {
 public:
  Listener(boost::asio::io_context& io, ListeningSocket socket);

  struct Accepted {
    Socket socket;
    std::string network;  // the name under which a client is counted; "unix" for all of a path
  };

  // Waits for a client to accept, or for close().
  boost::asio::awaitable<void> wait();
  // Waits for `time`, or for close().
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
  // Does not wait: `would_block` if there is no client.
  std::optional<Accepted> accept(boost::system::error_code& error);
  // Also removes the file of a Unix socket that this process has made.
  void close();

  [[nodiscard]] ListeningSocket::Reach reach() const { return reach_; }

 private:
  boost::asio::io_context& io_;
  ListeningSocket::Reach reach_;
  std::unique_ptr<const SocketFile> file_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer pause_;
};

}  // namespace agent_secrets::control_plane
