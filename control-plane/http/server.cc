#include "control-plane/http/server.h"

#include <exception>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control-plane/http/connection.h"
#include "control-plane/http/listener.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/tls_context.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// The pause after accept(2) failed because descriptors or memory ran out.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kFullPause{10};
constexpr int kAcceptBatch = 32;
constexpr std::chrono::seconds kSweepPause{15};

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

// The name under which a client is counted: the whole of an IPv4 address; the first 64 bits of an
// IPv6 address, because a provider gives a /64 to a single customer.
std::string network_of(const asio::ip::address& address) {
  if (address.is_v4()) return address.to_string();
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_string();
  return asio::ip::network_v6(v6, 64).canonical().to_string();
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions wanted, const Router& router, const Log& log, HttpCounters& counters)
      : options(std::move(wanted)), context(options, router, log, counters, io, workers) {}
  ~Impl() { finish_workers(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> start_workers();
  void finish_workers();
  asio::awaitable<void> accept_loop();
  asio::awaitable<void> pause_accepting(std::chrono::milliseconds time);
  asio::awaitable<void> sweep_failures();
  enum class Accepted { one, none, failed };
  Accepted accept_one();
  bool has_room();
  bool try_begin(tcp::socket socket, const tcp::endpoint& peer);
  void begin(tcp::socket socket, const tcp::endpoint& peer);
  void ended(const std::shared_ptr<Connection>& connection, const std::exception_ptr& failure);
  void stop();

  ServerOptions options;
  asio::io_context io{1};
  // The pool has no threads of its own; we make them. If asio::thread_pool cannot make its second
  // thread, it waits for ever for the first.
  asio::thread_pool workers{0};
  std::vector<std::thread> worker_threads;
  ConnectionContext context;
  std::shared_ptr<asio::ssl::context> tls;
  Listener listener{io};
  std::set<std::shared_ptr<Connection>> connections;
  asio::steady_timer pause{io};  // of the accept loop
  asio::steady_timer sweep{io};
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

// Waits until the workers have finished their queued work.
void Server::Impl::finish_workers() {
  if (worker_threads.empty()) return;
  workers.wait();
  for (std::thread& thread : worker_threads) thread.join();
  worker_threads.clear();
}

// If no connection may be closed, new connections wait in the kernel's queue.
bool Server::Impl::has_room() {
  return !context.seats.full() || context.seats.make_room(steady_clock::now());
}

asio::awaitable<void> Server::Impl::accept_loop() {
  while (!context.stopping) {
    if (!has_room()) {
      co_await pause_accepting(kFullPause);
      continue;
    }
    co_await listener.wait();
    // Accepts several at a time, because this coroutine runs only once for each round of all ready
    // connections.
    Accepted accepted = Accepted::one;
    for (int i = 0; i < kAcceptBatch && accepted == Accepted::one; ++i) {
      if (context.stopping || !has_room()) break;
      accepted = accept_one();
    }
    if (accepted == Accepted::failed) co_await pause_accepting(kAcceptPause);
  }
}

asio::awaitable<void> Server::Impl::pause_accepting(std::chrono::milliseconds time) {
  pause.expires_after(time);
  co_await pause.async_wait(kAwait);
}

Server::Impl::Accepted Server::Impl::accept_one() {
  tcp::endpoint peer;
  error_code error;
  tcp::socket socket = listener.accept(peer, error);
  if (!error) return try_begin(std::move(socket), peer) ? Accepted::one : Accepted::failed;
  if (error == asio::error::would_block) return Accepted::none;
  // The client has disconnected already, or a signal arrived.
  if (error == asio::error::connection_aborted || error == asio::error::interrupted) {
    return Accepted::one;
  }
  context.log.warning("accept failed", {{"reason", error.message()}});
  context.seats.make_room(steady_clock::now());  // this may free a descriptor
  return Accepted::failed;
}

// If a connection cannot begin (most likely because memory ran out), only that connection is
// closed.
bool Server::Impl::try_begin(tcp::socket socket, const tcp::endpoint& peer) {
  try {
    begin(std::move(socket), peer);
    return true;
  } catch (const std::exception& failure) {
    context.log.error("a connection could not begin", {{"reason", failure.what()}});
    return false;
  }
}

void Server::Impl::begin(tcp::socket socket, const tcp::endpoint& peer) {
  error_code ignored;  // without this option the socket is only slower
  (void)socket.set_option(tcp::no_delay(true), ignored);
  // Without this limit the kernel buffers megabytes of each answer that is not read, in the
  // container's memory.
  (void)socket.set_option(asio::socket_base::send_buffer_size(limits::kSendBuffer), ignored);
  auto connection = std::make_shared<Connection>(
      tls ? make_tls_stream(std::move(socket), *tls) : make_plain_stream(std::move(socket)),
      network_of(peer.address()), context);
  connections.insert(connection);
  Connection* running = connection.get();
  asio::co_spawn(io, running->run(),
                 [this, connection = std::move(connection)](const std::exception_ptr& failure) {
                   ended(connection, failure);
                 });
}

asio::awaitable<void> Server::Impl::sweep_failures() {
  while (!context.stopping) {
    sweep.expires_after(kSweepPause);
    co_await sweep.async_wait(kAwait);
    context.failures.sweep(steady_clock::now());
  }
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
  listener.close();
  pause.cancel();
  sweep.cancel();
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
                                             const Log& log, HttpCounters& counters) {
  auto endpoint = parse_endpoint(options);
  if (!endpoint) return propagate(endpoint);
  const bool plain = options.tls_certificate_file.empty();
  if (plain && !endpoint->address().is_loopback() && !options.allow_plain_http) {
    return fail(ErrorCode::invalid, "listen " + display(*endpoint) + ": plain HTTP off loopback",
                "give --tls-cert and --tls-key, or --allow-plain-http behind a TLS proxy");
  }
  auto impl = std::make_unique<Impl>(std::move(options), router, log, counters);
  if (!plain) {
    auto tls = load_tls_context(impl->options.tls_certificate_file, impl->options.tls_key_file);
    if (!tls) return propagate(tls);
    log_certificate(*tls, SystemClock().unix_time(), log);
    counters.certificate_not_after = tls->not_after.count();
    impl->tls = std::move(tls->context);
  }
  if (const error_code error = impl->listener.open(*endpoint)) {
    const bool used = error == asio::error::address_in_use;
    return fail(ErrorCode::failed, "listen " + display(*endpoint) + ": " + error.message(),
                used ? "another process has this port: stop it, or choose another with --listen"
                     : "give an address of this machine and a port that you may use");
  }
  if (auto started = impl->start_workers(); !started) return propagate(started);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->listener.endpoint().port(); }

Result<void> Server::run() {
  Result<void> outcome;
  impl_->context.counters.requests.begin(impl_->context.router.routes());
  asio::co_spawn(impl_->io, impl_->accept_loop(), [&](const std::exception_ptr& failure) {
    if (!failure) return;
    outcome = fail(ErrorCode::failed, "the accept loop ended by an internal error");
    impl_->stop();
  });
  asio::co_spawn(impl_->io, impl_->sweep_failures(), asio::detached);
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
  impl_->context.counters.certificate_not_after = tls->not_after.count();
  impl_->context.channel->post(
      [impl = impl_.get(), context = std::move(tls->context)] { impl->tls = context; });
}

void Server::stop() {
  impl_->context.channel->post([this] { impl_->stop(); });
}

}  // namespace agent_secrets::control_plane
