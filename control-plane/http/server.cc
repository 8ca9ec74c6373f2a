#include "control-plane/http/server.h"

#include <exception>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>

#include "control-plane/http/connection.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/tls_context.h"
#include "core/clock.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// When accept(2) fails for want of descriptors or memory, which only time can mend.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string display(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string host = endpoint.address().is_v6() ? "[" + address + "]" : address;
  return host + ":" + std::to_string(endpoint.port());
}

Result<tcp::endpoint> parse_endpoint(const ServerOptions& options) {
  error_code error;
  const std::string& text = options.address == "localhost" ? "127.0.0.1" : options.address;
  const auto address = asio::ip::make_address(text, error);
  if (error) {
    return fail(ErrorCode::invalid, "listen: '" + options.address + "' is not an IP address",
                "give an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::1");
  }
  return tcp::endpoint(address, options.port);
}

// Asio creates sockets without SOCK_CLOEXEC; set at once, before any thread of ours could fork.
void close_on_exec(int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

error_code open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  close_on_exec(acceptor.native_handle());
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions wanted, const Router& router, const Log& log)
      : options(std::move(wanted)),
        context{.options = options,
                .router = router,
                .log = log,
                .workers = workers,
                .channel = std::make_shared<WakeChannel>(io)} {}
  ~Impl() { finish_workers(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start_workers();
  void finish_workers();
  asio::awaitable<void> accept_loop();
  bool try_begin(tcp::socket socket);
  void begin(tcp::socket socket);
  void ended(const std::shared_ptr<Connection>& connection, const std::exception_ptr& failure);
  void stop();

  ServerOptions options;
  asio::io_context io{1};
  // Its threads are ours: a pool that makes them itself waits for ever for the first ones where the
  // next cannot be made.
  asio::thread_pool workers{0};
  std::vector<std::thread> worker_threads;
  ConnectionContext context;
  std::shared_ptr<asio::ssl::context> tls;
  tcp::acceptor acceptor{io};
  std::set<std::shared_ptr<Connection>> connections;
  asio::steady_timer pause{io};  // of the accept loop
  asio::steady_timer grace{io};
};

Result<void> Server::Impl::start_workers() {
  while (worker_threads.size() < static_cast<std::size_t>(options.worker_threads)) {
    auto thread = start_thread<std::thread>("requests", [this] { workers.attach(); });
    if (!thread) return propagate(thread);
    worker_threads.push_back(std::move(*thread));
  }
  return {};
}

// Lets them do what they have been given.
void Server::Impl::finish_workers() {
  if (worker_threads.empty()) return;
  workers.wait();
  for (std::thread& thread : worker_threads) thread.join();
  worker_threads.clear();
}

asio::awaitable<void> Server::Impl::accept_loop() {
  while (!context.stopping) {
    // Past the bound new connections wait in the kernel's queue until one ends.
    if (connections.size() >= static_cast<std::size_t>(options.max_connections)) {
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAwait);
      continue;
    }
    auto [error, socket] = co_await acceptor.async_accept(kAwait);
    if (!error && try_begin(std::move(socket))) continue;
    if (context.stopping) break;
    if (error) context.log.warning("accept failed", {{"reason", error.message()}});
    pause.expires_after(kAcceptPause);
    co_await pause.async_wait(kAwait);
  }
}

// A connection that cannot begin, most likely for want of memory, is closed, and no other is.
bool Server::Impl::try_begin(tcp::socket socket) {
  try {
    begin(std::move(socket));
    return true;
  } catch (const std::exception& failure) {
    context.log.error("a connection could not begin", {{"reason", failure.what()}});
    return false;
  }
}

void Server::Impl::begin(tcp::socket socket) {
  close_on_exec(socket.native_handle());
  error_code ignored;  // a socket that cannot is only slower
  (void)socket.set_option(tcp::no_delay(true), ignored);
  auto connection = std::make_shared<Connection>(
      tls ? make_tls_stream(std::move(socket), *tls) : make_plain_stream(std::move(socket)),
      context);
  connections.insert(connection);
  Connection* running = connection.get();
  asio::co_spawn(io, running->run(),
                 [this, connection = std::move(connection)](const std::exception_ptr& failure) {
                   ended(connection, failure);
                 });
}

void Server::Impl::ended(const std::shared_ptr<Connection>& connection,
                         const std::exception_ptr& failure) {
  if (failure) {
    context.log.error("connection ended by an internal error");
    connection->abort();
  }
  connections.erase(connection);
  if (context.stopping && connections.empty()) grace.cancel();
}

void Server::Impl::stop() {
  if (std::exchange(context.stopping, true)) return;
  error_code ignored;
  (void)acceptor.close(ignored);
  pause.cancel();
  for (const auto& connection : connections) connection->stop();
  if (connections.empty()) return;
  grace.expires_after(options.grace);
  grace.async_wait([this](const error_code& error) {
    if (error) return;
    for (const auto& connection : connections) connection->abort();
  });
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  impl_->context.channel->close();
  impl_->finish_workers();
}

Result<std::unique_ptr<Server>> Server::bind(ServerOptions options, const Router& router,
                                             const Log& log) {
  auto endpoint = parse_endpoint(options);
  if (!endpoint) return propagate(endpoint);
  const bool plain = options.tls_certificate_file.empty();
  if (plain && !endpoint->address().is_loopback() && !options.allow_plain_http) {
    return fail(ErrorCode::invalid, "listen " + display(*endpoint) + ": plain HTTP off loopback",
                "give --tls-cert and --tls-key, or --allow-plain-http behind a TLS proxy");
  }
  auto impl = std::make_unique<Impl>(std::move(options), router, log);
  if (!plain) {
    auto tls = load_tls_context(impl->options.tls_certificate_file, impl->options.tls_key_file);
    if (!tls) return propagate(tls);
    log_certificate(*tls, SystemClock().unix_time(), log);
    impl->tls = std::move(tls->context);
  }
  if (const error_code error = open(impl->acceptor, *endpoint)) {
    const bool used = error == asio::error::address_in_use;
    return fail(ErrorCode::failed, "listen " + display(*endpoint) + ": " + error.message(),
                used ? "another process has this port: stop it, or choose another with --listen"
                     : "give an address of this machine and a port that you may use");
  }
  if (auto started = impl->start_workers(); !started) return propagate(started);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->acceptor.local_endpoint().port(); }

Result<void> Server::run() {
  Result<void> outcome;
  asio::co_spawn(impl_->io, impl_->accept_loop(), [&](const std::exception_ptr& failure) {
    if (!failure) return;
    outcome = fail(ErrorCode::failed, "the accept loop ended by an internal error");
    impl_->stop();
  });
  impl_->io.run();
  impl_->finish_workers();
  return outcome;
}

void Server::reload() {
  const ServerOptions& options = impl_->options;
  const Log& log = impl_->context.log;
  if (options.tls_certificate_file.empty()) {
    log.info("nothing to read again: this server has no certificate");
    return;
  }
  auto tls = load_tls_context(options.tls_certificate_file, options.tls_key_file);
  if (!tls) {
    log.error("the certificate could not be read again: the one before stays",
              {{"cause", tls.error().message}, {"hint", tls.error().hint}});
    return;
  }
  log_certificate(*tls, SystemClock().unix_time(), log);
  impl_->context.channel->post(
      [impl = impl_.get(), context = std::move(tls->context)] { impl->tls = context; });
}

void Server::stop() {
  impl_->context.channel->post([this] { impl_->stop(); });
}

}  // namespace agent_secrets::control_plane
