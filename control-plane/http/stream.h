#pragma once
// The bytes of one accepted connection, plain or TLS, behind one interface, so that the HTTP code
// is compiled once. tls_context.h has what TLS is spoken.
//
// Threads: the server's I/O thread only.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "core/error.h"

namespace boost::asio::ssl {
class context;
}

namespace agent_secrets::control_plane {

class Stream {
 public:
  virtual ~Stream() = default;
  // False: no connection came about.
  virtual boost::asio::awaitable<bool> handshake() = 0;
  // 0: end of stream, or an error; there is nothing more to read either way.
  virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer into) = 0;
  // All of it, or false.
  virtual boost::asio::awaitable<bool> write(std::string_view bytes) = 0;
  // Says that no more will be written; the peer can still be read.
  virtual boost::asio::awaitable<void> finish_writing() = 0;
  virtual boost::asio::ip::tcp::socket& socket() = 0;
};

std::unique_ptr<Stream> make_plain_stream(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Stream> make_tls_stream(boost::asio::ip::tcp::socket socket,
                                        boost::asio::ssl::context& context);

}  // namespace agent_secrets::control_plane
