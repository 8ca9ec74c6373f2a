#include "control-plane/http/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;

// Delivers a header byte by byte; each read completes before it can be cancelled.
class TricklingStream final : public Stream {
 public:
  TricklingStream(asio::io_context& io, std::string& written) : socket_(io), written_(written) {}
  asio::awaitable<bool> handshake() override { co_return true; }
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer into) override {
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    if (left_.empty()) co_return 0;
    *static_cast<char*>(into.data()) = left_.front();
    left_.erase(0, 1);
    co_return 1;
  }
  asio::awaitable<bool> write(std::string_view bytes) override {
    written_ += bytes;
    co_return true;
  }
  asio::awaitable<void> finish_writing() override { co_return; }
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
  std::string& written_;
  std::string left_ =
      "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + std::string(20'000, 'x') +
      "\r\n\r\n";
};

}  // namespace

TEST_CASE("a client that keeps trickling is answered with 408 all the same") {
  asio::io_context io{1};
  Workers workers;
  REQUIRE(workers.start(1));
  const ServerOptions options{.request_timeout = std::chrono::seconds(0)};
  Router router([](const Request&, int status) { return Response{.status = status}; });
  router.add_open("GET", "/hello", [](const Request&) { return Response{}; });
  const Log log("test", LogLevel::error, LogFormat::json);
  HttpCounters counters;
  ConnectionContext context(options, router, log, counters, io, workers);
  std::string written;
  const auto connection = std::make_shared<Connection>(
      std::make_unique<TricklingStream>(io, written), "192.0.2.1", context);
  asio::co_spawn(io, connection->run(), asio::detached);
  io.run();
  context.channel->close();
  CHECK(written.starts_with("HTTP/1.1 408 "));
}

}  // namespace agent_secrets::control_plane
