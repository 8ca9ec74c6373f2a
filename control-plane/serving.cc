#include "control-plane/serving.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/http/tls_context.h"
#include "control-plane/listen_address.h"
#include "control-plane/log_level_file.h"
#include "control-plane/signals.h"
#include "core/heap.h"
#include "core/limits.h"
#include "core/secret_pool.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

// A worker thread waits for the database while it answers. With more workers than processors,
// enough writes wait for the disk at the same time to share one fsync (database/write_groups.h).
constexpr int kWorkers = 16;

constexpr const char* kDefaultAddress = "127.0.0.1:7710";

ServerOptions server_options(const ServeOptions& options) {
  return {.tls_certificate_file = options.tls_certificate_file,
          .tls_key_file = options.tls_key_file,
          .allow_plain_http = options.allow_plain_http,
          .worker_threads = kWorkers,
          .max_connections = options.max_connections};
}

Result<void> check_addresses(const ServeOptions& options) {
  if (options.listen.size() > limits::kListenAddresses) {
    return fail(ErrorCode::invalid,
                fmt::format("listen: more than {} addresses", limits::kListenAddresses));
  }
  for (const std::string& text : options.listen) {
    if (auto address = parse_listen_address(text); !address) return propagate(address);
  }
  if (auto mode = parse_socket_mode(options.socket_mode); !mode) return propagate(mode);
  return {};
}

Result<void> set_log_level(const ServeOptions& options, const Log& log) {
  if (options.log_level_file.empty()) return {};
  auto level = read_log_level(options.log_level_file);
  if (!level) return propagate(level);
  log.set_threshold(*level);
  return {};
}

// The level stays when the file cannot be used.
void read_log_level_again(const ServeOptions& options, const Log& log) {
  const auto set = set_log_level(options, log);
  if (set) return;
  log.error("the log level could not be read again: the one before stays",
            {{"cause", set.error().message}, {"hint", set.error().hint}});
}

Result<std::vector<ListeningSocket>> open_sockets(const ServeOptions& options, Service& service) {
  std::vector<std::string> addresses = options.listen;
  if (addresses.empty() && service.activated.empty()) addresses.emplace_back(kDefaultAddress);
  auto mode = parse_socket_mode(options.socket_mode);
  if (!mode) return propagate(mode);
  std::vector<ListeningSocket> sockets;
  for (const std::string& text : addresses) {
    auto socket = open_listener(text, *mode);
    if (!socket) return propagate(socket);
    sockets.push_back(std::move(*socket));
  }
  std::ranges::move(service.activated, std::back_inserter(sockets));
  service.activated.clear();
  return sockets;
}

// Through the I/O thread: if it hangs, the service manager gets no message and restarts us.
class Watchdog {
 public:
  Watchdog(Server& server, const ServiceManager& manager) : server_(server), manager_(manager) {}

  void tick() {
    const auto now = std::chrono::steady_clock::now();
    if (!manager_.watchdog() || now < next_) return;
    next_ = now + *manager_.watchdog();
    server_.run_soon([&manager = manager_] { manager.alive(); });
  }
  // A tick comes at least so often.
  [[nodiscard]] std::chrono::milliseconds pause() const {
    constexpr std::chrono::milliseconds kPause{200};
    if (!manager_.watchdog()) return kPause;
    const auto period = std::chrono::floor<std::chrono::milliseconds>(*manager_.watchdog());
    return std::clamp(period, std::chrono::milliseconds(1), kPause);
  }

 private:
  Server& server_;
  const ServiceManager& manager_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace

BundleAuditMode audit_mode(const ServeOptions& options) {
  return options.audit_bundles == "best-effort" ? BundleAuditMode::best_effort
                                                : BundleAuditMode::strict;
}

Result<Service> prepare_to_serve(const ServeOptions& options, const Log& log) {
  configure_heaps();
  SecretPool::use_for_process();
  prepare_signals();
  if (auto checked = check_addresses(options); !checked) return propagate(checked);
  auto manager = ServiceManager::from_environment();
  if (!manager) return propagate(manager);
  auto activated = take_activated_sockets();
  if (!activated) return propagate(activated);
  if (auto set = set_log_level(options, log); !set) return propagate(set);
  if (auto started = log.start_thread(); !started) return propagate(started);
  warn_of_open_key(options.tls_key_file, log);
  return Service{.manager = std::move(*manager), .activated = std::move(*activated)};
}

Result<ListeningServer> listen(const ServeOptions& options, Service& service, const Router& router,
                               const Log& log, HttpCounters& counters) {
  auto sockets = open_sockets(options, service);
  if (!sockets) return propagate(sockets);
  ListeningServer listening;
  for (const ListeningSocket& socket : *sockets) {
    listening.urls.push_back(url_of(socket, !options.tls_certificate_file.empty()));
    const bool is_path = socket.reach == ListeningSocket::Reach::path;
    if (listening.url.empty() && !is_path) listening.url = listening.urls.back();
  }
  auto server = Server::make(server_options(options), std::move(*sockets), router, log, counters);
  if (!server) return propagate(server);
  listening.server = std::move(*server);
  return listening;
}

Result<void> run_until_stopped(const ListeningServer& listening, const ServeOptions& options,
                               const Service& service, const Log& log,
                               const std::function<void()>& reload) {
  Server& server = *listening.server;
  const ServiceManager& manager = service.manager;
  const std::string status = fmt::format("Serving at {}", fmt::join(listening.urls, ", "));
  Watchdog watchdog(server, manager);
  const SignalActions actions{.reload =
                                  [&] {
                                    manager.reloading();
                                    server.reload();
                                    read_log_level_again(options, log);
                                    if (reload) reload();
                                    manager.ready(status);
                                  },
                              .stop =
                                  [&] {
                                    log.info("stopping");
                                    manager.stopping();
                                    server.stop();
                                  },
                              .tick = [&] { watchdog.tick(); },
                              .pause = watchdog.pause()};
  const auto signals = start_thread<std::jthread>(
      "signals", [&](const std::stop_token& token) { handle_signals(actions, token); });
  if (!signals) return std::unexpected(signals.error());
  manager.ready(status);
  auto ran = server.run();
  log.info("stopped");
  return ran;
}

}  // namespace agent_secrets::control_plane
