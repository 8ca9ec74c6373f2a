#include "control-plane/http/server.h"

#include <deque>
#include <exception>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "control-plane/http/connection.h"
#include "control-plane/http/listener.h"
#include "control-plane/http/stream.h"
#include "control-plane/http/tls_context.h"
#include "control-plane/http/workers.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// The pause after accept(2) failed because descriptors or memory ran out.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kFullPause{10};
constexpr int kAcceptBatch = 32;
constexpr std::chrono::seconds kSweepPause{15};

std::unexpected<Error> refuse_plain(const ListeningSocket& socket) {
  return fail(ErrorCode::invalid, "listen " + socket.name + ": plain HTTP off loopback",
              "give --tls-cert and --tls-key, or --allow-plain-http behind a TLS proxy");
}

}  // namespace

struct Server::Impl {
  Impl(ServerOptions wanted, std::vector<ListeningSocket> sockets, const Router& router,
       const Log& log, HttpCounters& counters);
  ~Impl() { workers.finish(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  asio::awaitable<void> accept_loop(Listener& listener);
  asio::awaitable<void> sweep_failures();
  enum class Accepted { one, none, failed };
  Accepted accept_one(Listener& listener);
  bool has_room();
  bool try_begin(Listener::Accepted accepted, bool with_tls);
  void begin(Listener::Accepted accepted, bool with_tls);
  void ended(const std::shared_ptr<Connection>& connection, const std::exception_ptr& failure);
  void stop();

  ServerOptions options;
  asio::io_context io{1};
  Workers workers;
  ConnectionContext context;
  std::shared_ptr<asio::ssl::context> tls;
  std::deque<Listener> listeners;
  std::set<std::shared_ptr<Connection>> connections;
  asio::steady_timer sweep{io};
  asio::steady_timer grace{io};
};

Server::Impl::Impl(ServerOptions wanted, std::vector<ListeningSocket> sockets, const Router& router,
                   const Log& log, HttpCounters& counters)
    : options(std::move(wanted)), context(options, router, log, counters, io, workers) {
  for (ListeningSocket& socket : sockets) listeners.emplace_back(io, std::move(socket));
}

// If no connection may be closed, new connections wait in the kernel's queue.
bool Server::Impl::has_room() {
  return !context.seats.full() || context.seats.make_room(steady_clock::now());
}

asio::awaitable<void> Server::Impl::accept_loop(Listener& listener) {
  while (!context.stopping) {
    if (!has_room()) {
      co_await listener.pause(kFullPause);
      continue;
    }
    co_await listener.wait();
    // Accepts several at a time, because this coroutine runs only once for each round of all ready
    // connections.
    Accepted accepted = Accepted::one;
    for (int i = 0; i < kAcceptBatch && accepted == Accepted::one; ++i) {
      if (context.stopping || !has_room()) break;
      accepted = accept_one(listener);
    }
    if (accepted == Accepted::failed) co_await listener.pause(kAcceptPause);
  }
}

Server::Impl::Accepted Server::Impl::accept_one(Listener& listener) {
  error_code error;
  auto accepted = listener.accept(error);
  const bool with_tls = tls && listener.reach() != ListeningSocket::Reach::path;
  if (accepted) {
    return try_begin(std::move(*accepted), with_tls) ? Accepted::one : Accepted::failed;
  }
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
bool Server::Impl::try_begin(Listener::Accepted accepted, bool with_tls) {
  try {
    begin(std::move(accepted), with_tls);
    return true;
  } catch (const std::exception& failure) {
    context.log.error("a connection could not begin", {{"reason", failure.what()}});
    return false;
  }
}

void Server::Impl::begin(Listener::Accepted accepted, bool with_tls) {
  auto connection =
      std::make_shared<Connection>(with_tls ? make_tls_stream(std::move(accepted.socket), *tls)
                                            : make_plain_stream(std::move(accepted.socket)),
                                   std::move(accepted.network), context);
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
  for (Listener& listener : listeners) listener.close();
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
  impl_->workers.finish();
}

Result<std::unique_ptr<Server>> Server::make(ServerOptions options,
                                             std::vector<ListeningSocket> sockets,
                                             const Router& router, const Log& log,
                                             HttpCounters& counters) {
  const bool plain = options.tls_certificate_file.empty();
  for (const ListeningSocket& socket : sockets) {
    const bool is_exposed = socket.reach == ListeningSocket::Reach::network;
    if (plain && is_exposed && !options.allow_plain_http) return refuse_plain(socket);
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(sockets), router, log, counters);
  if (!plain) {
    auto tls = load_tls_context(impl->options.tls_certificate_file, impl->options.tls_key_file);
    if (!tls) return propagate(tls);
    log_certificate(*tls, SystemClock().unix_time(), log);
    counters.certificate_not_after = tls->not_after.count();
    impl->tls = std::move(tls->context);
  }
  if (auto started = impl->workers.start(impl->options.worker_threads); !started)
    return propagate(started);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Result<void> Server::run() {
  Result<void> outcome;
  impl_->context.counters.requests.begin(impl_->context.router.routes());
  for (Listener& listener : impl_->listeners) {
    asio::co_spawn(impl_->io, impl_->accept_loop(listener), [&](const std::exception_ptr& failure) {
      if (!failure) return;
      outcome = fail(ErrorCode::failed, "an accept loop ended by an internal error");
      impl_->stop();
    });
  }
  asio::co_spawn(impl_->io, impl_->sweep_failures(), asio::detached);
  impl_->io.run();
  impl_->workers.finish();
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

void Server::run_soon(std::function<void()> function) {
  impl_->context.channel->post(std::move(function));
}

void Server::stop() {
  impl_->context.channel->post([this] { impl_->stop(); });
}

}  // namespace agent_secrets::control_plane
