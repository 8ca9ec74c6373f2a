#pragma once
// The bytes of one accepted connection, plain or TLS, over TCP or a Unix socket, behind one
// interface, so that the HTTP code is compiled once. tls_context.h defines the TLS settings.
//
// Threads: the server's I/O thread only.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "core/error.h"

namespace boost::asio::ssl {
class context;
}

namespace agent_secrets::control_plane {

using Socket = boost::asio::generic::stream_protocol::socket;

class Stream {
 public:
  virtual ~Stream() = default;
  // False: the handshake failed.
  virtual boost::asio::awaitable<bool> handshake() = 0;
  // 0: end of stream, or an error; no more bytes follow.
  virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into) = 0;
  // Writes all bytes, or returns false.
  virtual boost::asio::awaitable<bool> write(std::string_view bytes) = 0;
  // Ends the writing direction; reading is still possible.
  virtual boost::asio::awaitable<void> finish_writing() = 0;
  virtual Socket& socket() = 0;
};

std::unique_ptr<Stream> make_plain_stream(Socket socket);
std::unique_ptr<Stream> make_tls_stream(Socket socket, boost::asio::ssl::context& context);

}  // namespace agent_secrets::control_plane
