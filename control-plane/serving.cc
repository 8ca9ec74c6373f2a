#include "control-plane/serving.h"

#include <stop_token>
#include <thread>
#include <utility>

#include <malloc.h>

#include "control-plane/http/tls_context.h"
#include "control-plane/listen_address.h"
#include "control-plane/signals.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

// Without these settings the C library keeps the memory of large buffers: after a thousand answers
// of 2 MB each, the process would stay that large. With them each large buffer is a mapping of its
// own, which is unmapped when the buffer is freed (mallopt(3)).
void give_large_buffers_back() {
  constexpr int kLarge = 128 * 1024;
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there is another thread
  (void)::mallopt(M_MMAP_THRESHOLD, kLarge);
  (void)::mallopt(M_TRIM_THRESHOLD, kLarge);
  // NOLINTEND(concurrency-mt-unsafe)
}

// A worker thread waits for the database while it answers. With more workers than processors,
// enough writes wait for the disk at the same time to share one fsync (database/write_groups.h).
constexpr int kWorkers = 16;

Result<ServerOptions> server_options(const ServeOptions& options) {
  auto address = parse_listen_address(options.listen);
  if (!address) return propagate(address);
  return ServerOptions{.address = std::move(address->host),
                       .port = address->port,
                       .tls_certificate_file = options.tls_certificate_file,
                       .tls_key_file = options.tls_key_file,
                       .allow_plain_http = options.allow_plain_http,
                       .worker_threads = kWorkers,
                       .max_connections = options.max_connections};
}

}  // namespace

Result<void> prepare_to_serve(const ServeOptions& options, const Log& log) {
  give_large_buffers_back();
  prepare_signals();
  if (auto started = log.start_thread(); !started) return propagate(started);
  if (auto wanted = server_options(options); !wanted) return propagate(wanted);
  warn_of_open_key(options.tls_key_file, log);
  return {};
}

Result<std::unique_ptr<Server>> bind_server(const ServeOptions& options, const Router& router,
                                            const Log& log, HttpCounters& counters) {
  auto wanted = server_options(options);
  if (!wanted) return propagate(wanted);
  return Server::bind(std::move(*wanted), router, log, counters);
}

std::string server_url(const ServeOptions& options, const Server& server) {
  return listen_url(options.tls_certificate_file.empty() ? "http" : "https", options.listen,
                    server.port());
}

Result<void> run_until_stopped(Server& server, const Log& log) {
  const auto signals = start_thread<std::jthread>(
      "signals", [&](const std::stop_token& stop) { handle_signals(server, log, stop); });
  if (!signals) return std::unexpected(signals.error());
  auto ran = server.run();
  log.info("stopped");
  return ran;
}

}  // namespace agent_secrets::control_plane
