#include "control-plane/http/stream.h"

#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Completions return their error_code instead of throwing it.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

class PlainStream final : public Stream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  asio::awaitable<bool> handshake() override { co_return true; }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into) override {
    const auto [error, size] = co_await socket_.async_read_some(into, kAwait);
    co_return error ? 0 : size;
  }

  asio::awaitable<bool> write(std::string_view bytes) override {
    const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(bytes), kAwait);
    co_return !error;
  }

  asio::awaitable<void> finish_writing() override {
    error_code ignored;  // the peer may be gone already
    (void)socket_.shutdown(Socket::shutdown_send, ignored);
    co_return;
  }

  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  asio::awaitable<bool> handshake() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    co_return !error;
  }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into) override {
    const auto [error, size] = co_await stream_.async_read_some(into, kAwait);
    co_return error ? 0 : size;
  }

  asio::awaitable<bool> write(std::string_view bytes) override {
    const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(bytes), kAwait);
    co_return !error;
  }

  // Sends close_notify. Asio's shutdown also waits for the peer's, so the caller's deadline
  // applies.
  asio::awaitable<void> finish_writing() override { co_await stream_.async_shutdown(kAwait); }

  Socket& socket() override { return stream_.next_layer(); }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> make_tls_stream(Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace agent_secrets::control_plane
