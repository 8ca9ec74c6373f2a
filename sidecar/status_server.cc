#include "sidecar/status_server.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

namespace agent_secrets::sidecar {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int kMaxConnections = 16;
constexpr std::size_t kMaxHeader = 8 * 1024;
constexpr std::size_t kMaxBody = 8 * 1024;
constexpr std::chrono::seconds kRequestTimeout{10};
constexpr std::chrono::seconds kAcceptPause{1};

std::optional<tcp::endpoint> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  error_code bad;
  const auto address = asio::ip::make_address(host, bad);
  if (bad) return std::nullopt;
  return tcp::endpoint(address, port);
}

http::response<http::string_body> respond(const http::request<http::string_body>& request,
                                          const StatusServer::Pages& pages) {
  const std::string_view target(request.target().data(), request.target().size());
  const bool head = request.method() == http::verb::head;
  Page page = head || request.method() == http::verb::get
                  ? pages(target.substr(0, target.find('?')))
                  : Page{.status = 405, .body = "only GET and HEAD\n"};
  http::response<http::string_body> response(static_cast<http::status>(page.status),
                                             request.version());
  response.set(http::field::content_type, page.content_type);
  response.set(http::field::cache_control, "no-store");
  if (page.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(page.body);
  response.prepare_payload();
  if (head) response.body().clear();  // the length stays that of the GET
  return response;
}

}  // namespace

struct StatusServer::Impl {
  explicit Impl(Pages serve) : pages(std::move(serve)) {}

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(tcp::socket socket);

  Pages pages;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  int connections = 0;
};

Result<std::unique_ptr<StatusServer>> StatusServer::bind(std::string_view address, Pages pages) {
  const auto endpoint = parse_address(address);
  if (!endpoint || !endpoint->address().is_loopback()) {
    return fail(ErrorCode::invalid,
                fmt::format("listen {}: not a loopback address and port", address),
                "use 127.0.0.1:PORT or [::1]:PORT: whoever can connect can read the status");
  }
  auto impl = std::make_unique<Impl>(std::move(pages));
  try {
    impl->acceptor.open(endpoint->protocol());
    impl->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl->acceptor.bind(*endpoint);
    impl->acceptor.listen();
  } catch (const boost::system::system_error& error) {
    return fail(ErrorCode::failed, fmt::format("listen {}: {}", address, error.code().message()),
                "choose another port with --listen");
  }
  asio::co_spawn(impl->io, impl->accept_all(), asio::detached);
  return std::unique_ptr<StatusServer>(new StatusServer(std::move(impl)));
}

StatusServer::StatusServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StatusServer::~StatusServer() = default;

std::uint16_t StatusServer::port() const { return impl_->acceptor.local_endpoint().port(); }

void StatusServer::run() { impl_->io.run(); }

void StatusServer::stop() { impl_->io.stop(); }

asio::awaitable<void> StatusServer::Impl::accept_all() {
  asio::steady_timer pause(io);
  for (;;) {
    error_code error;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {  // out of descriptors, most likely: they come back
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::use_awaitable);
    } else if (connections < kMaxConnections) {
      ++connections;
      asio::co_spawn(io, serve(std::move(socket)),
                     [this](const std::exception_ptr&) { --connections; });
    }
  }
}

asio::awaitable<void> StatusServer::Impl::serve(tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  error_code error;
  for (bool open = true; open;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(kMaxBody);  // nobody needs one, but a POST deserves its 405
    stream.expires_after(kRequestTimeout);
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    auto response = respond(parser.get(), pages);
    open = response.keep_alive();
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
  (void)stream.socket().shutdown(tcp::socket::shutdown_send, error);
}

}  // namespace agent_secrets::sidecar
