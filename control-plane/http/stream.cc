#include "control-plane/http/stream.h"

#include <algorithm>
#include <limits>
#include <new>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

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

// OpenSSL reads and writes the socket itself. asio::ssl::stream would copy each byte once more, and
// keeps its buffers for each connection, also while a long poll waits. Here an idle connection
// has no buffer (SSL_MODE_RELEASE_BUFFERS).
//
// Source: SSL_get_error(3), SSL_read(3), SSL_shutdown(3). SIGPIPE is ignored, because OpenSSL
// writes without MSG_NOSIGNAL.
class TlsStream final : public Stream {
 public:
  TlsStream(Socket socket, asio::ssl::context& context)
      : socket_(std::move(socket)), ssl_(SSL_new(context.native_handle())) {
    if (!ssl_) throw std::bad_alloc();
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_set_read_ahead(ssl_.get(), 1);  // one system call for a record, not two
    SSL_set_accept_state(ssl_.get());
    if (SSL_set_fd(ssl_.get(), socket_.native_handle()) != 1) throw std::bad_alloc();
    socket_.native_non_blocking(true);
  }

  asio::awaitable<bool> handshake() override {
    for (;;) {
      const int done = call([this] { return SSL_do_handshake(ssl_.get()); });
      if (done == 1) co_return true;
      const bool may_go_on = co_await wait(done);
      if (!may_go_on) co_return false;
    }
  }

  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into) override {
    // A client sends its next request after some time, so a read before would be in vain.
    if (SSL_has_pending(ssl_.get()) == 0) {
      const bool is_ready = co_await wait_for(Socket::wait_read);
      if (!is_ready) co_return 0;
    }
    for (;;) {
      const int size =
          call([&] { return SSL_read(ssl_.get(), into.data(), size_of(into.size())); });
      if (size > 0) co_return static_cast<std::size_t>(size);
      const bool may_go_on = co_await wait(size);
      if (!may_go_on) co_return 0;
    }
  }

  asio::awaitable<bool> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const int size =
          call([&] { return SSL_write(ssl_.get(), bytes.data(), size_of(bytes.size())); });
      if (size > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(size));
        continue;
      }
      const bool may_go_on = co_await wait(size);
      if (!may_go_on) co_return false;
    }
    co_return true;
  }

  // Sends close_notify and waits for the peer's; the caller's deadline applies.
  asio::awaitable<void> finish_writing() override {
    for (;;) {
      const int done = call([this] { return SSL_shutdown(ssl_.get()); });
      if (done == 1) co_return;
      if (done == 0) continue;  // close_notify is sent: the next call reads
      const bool may_go_on = co_await wait(done);
      if (!may_go_on) co_return;
    }
  }

  Socket& socket() override { return socket_; }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  static int size_of(std::size_t size) {
    return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
  }

  // Errors of other connections of this thread must not be taken for those of this call.
  template <typename Call>
  static int call(const Call& function) {
    ERR_clear_error();
    return function();
  }

  // Until the socket is ready for what the call with this result needs. False: it has failed.
  asio::awaitable<bool> wait(int result) {
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) co_return co_await wait_for(Socket::wait_read);
    if (error == SSL_ERROR_WANT_WRITE) co_return co_await wait_for(Socket::wait_write);
    ERR_clear_error();
    co_return false;
  }

  asio::awaitable<bool> wait_for(Socket::wait_type what) {
    const auto [error] = co_await socket_.async_wait(what, kAwait);
    co_return !error;
  }

  Socket socket_;
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> make_tls_stream(Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace agent_secrets::control_plane
