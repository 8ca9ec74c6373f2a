#include "sidecar/status_server.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <list>
#include <optional>
#include <string>
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
#include <boost/beast/core/string.hpp>
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

constexpr std::size_t kMaxConnections = 16;
constexpr std::size_t kMaxHeader = 8 * 1024;
constexpr std::size_t kMaxBody = 8 * 1024;
constexpr std::chrono::seconds kRequestTimeout{3};
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

// A web page can use a host name that its own DNS server resolves to 127.0.0.1 ("DNS rebinding"),
// and then read the answers of this server. Such requests have the page's host name in `Host`, so
// only an address or "localhost" is accepted.
bool is_own_host(std::string_view host) {
  const auto bracket = host.find(']');
  const auto colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string_view name = host.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (beast::iequals(name, "localhost")) return true;
  error_code bad;
  (void)asio::ip::make_address(std::string(name), bad);
  return !bad;
}

// 200 if the request is meant for this server.
Page check_host(const http::request<http::string_body>& request) {
  const auto [first, last] = request.equal_range(http::field::host);
  const auto count = std::distance(first, last);
  if (count == 0 && request.version() < 11) return {};  // HTTP/1.0 has no Host
  if (count != 1) return {.status = 400, .body = "one Host is needed\n"};
  if (is_own_host(first->value())) return {};
  return {.status = 421, .body = "ask for localhost, or for the address\n"};
}

Page find_page(const http::request<http::string_body>& request, const StatusServer::Pages& pages) {
  if (Page refusal = check_host(request); refusal.status != 200) return refusal;
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return {.status = 405, .body = "only GET and HEAD\n"};
  }
  const std::string_view target(request.target().data(), request.target().size());
  return pages(target.substr(0, target.find('?')));
}

http::response<http::string_body> respond(const http::request<http::string_body>& request,
                                          const StatusServer::Pages& pages) {
  const bool head = request.method() == http::verb::head;
  Page page = find_page(request, pages);
  http::response<http::string_body> response(static_cast<http::status>(page.status),
                                             request.version());
  response.set(http::field::content_type, page.content_type);
  response.set(http::field::cache_control, "no-store");
  if (page.status == 405) response.set(http::field::allow, "GET, HEAD");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(page.body);
  response.prepare_payload();
  if (head) response.body().clear();  // Content-Length stays as for GET
  return response;
}

}  // namespace

struct StatusServer::Impl {
  explicit Impl(Pages serve) : pages(std::move(serve)) {}

  // Ordered by their last request, the connection that has waited longest first.
  using Connections = std::list<beast::tcp_stream>;

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(Connections::iterator connection);
  void make_room();

  Pages pages;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  Connections connections;
};

Result<std::unique_ptr<StatusServer>> StatusServer::bind(std::string_view address, Pages pages) {
  const auto endpoint = parse_address(address);
  if (!endpoint || !endpoint->address().is_loopback()) {
    return fail(ErrorCode::invalid,
                fmt::format("listen {}: not a loopback address and port", address),
                "use 127.0.0.1:PORT or [::1]:PORT: any local process can read the status");
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
    if (error) {  // probably no free descriptor: try again later
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    if (connections.size() >= kMaxConnections) make_room();
    const auto connection = connections.emplace(connections.end(), std::move(socket));
    asio::co_spawn(io, serve(connection), [this, connection](const std::exception_ptr&) {
      connections.erase(connection);
    });
  }
}

// Closes the connection that has waited longest, so that idle connections cannot block a probe. Its
// coroutine ends by itself; until then the connection still counts.
void StatusServer::Impl::make_room() {
  for (beast::tcp_stream& oldest : connections) {
    if (!oldest.socket().is_open()) continue;
    oldest.close();
    return;
  }
}

asio::awaitable<void> StatusServer::Impl::serve(Connections::iterator connection) {
  beast::tcp_stream& stream = *connection;
  beast::flat_buffer buffer;
  error_code error;
  for (bool open = true; open;) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(kMaxBody);  // bodies are not used, but a POST with a body should get its 405
    stream.expires_after(kRequestTimeout);
    co_await http::async_read(stream, buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    connections.splice(connections.end(), connections, connection);
    auto response = respond(parser.get(), pages);
    open = response.keep_alive();
    co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
  (void)stream.socket().shutdown(tcp::socket::shutdown_send, error);
}

}  // namespace agent_secrets::sidecar
