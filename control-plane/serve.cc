#include "control-plane/serve.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include "control-plane/commands/admin.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/http/server.h"
#include "control-plane/instance-api/routes.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/public_urls.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rollout/runner.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

// One region's background work, and those who wait for it.
class Regions {
 public:
  Regions(Stores& stores, const Clock& clock, const Log& log) {
    for (auto& [code, handle] : stores.regions) {
      provisioners_[code] = std::make_unique<Provisioner>(code, stores.catalog->outbox,
                                                          *handle.store, hubs_[code], clock, log);
      recorders_.try_emplace(code, code, *handle.store, clock, log);
    }
  }
  Result<void> start() {
    for (auto& [code, provisioner] : provisioners_) {
      auto begun =
          begin([running = provisioner.get()](const std::stop_token& stop) { running->run(stop); });
      if (!begun) return begun;
    }
    for (auto& [code, recorder] : recorders_) {
      auto begun =
          begin([running = &recorder](const std::stop_token& stop) { running->run(stop); });
      if (!begun) return begun;
    }
    return {};
  }
  // The catalog accepts no set or agent of a region that was not there when the stores were opened.
  RegionSignals signals(std::function<void()> roll_out) {
    return {
        .wake = [this](const std::string& code) { provisioners_.at(code)->wake(); },
        .publish_now = [this](const std::string& code) { provisioners_.at(code)->publish_now(); },
        .roll_out = std::move(roll_out)};
  }
  std::map<std::string, ChangeHub>& hubs() { return hubs_; }
  std::map<std::string, InstanceRecorder>& recorders() { return recorders_; }

 private:
  Result<void> begin(std::function<void(const std::stop_token&)> work) {
    auto thread = start_thread<std::jthread>("a region", std::move(work));
    if (!thread) return propagate(thread);
    threads_.push_back(std::move(*thread));
    return {};
  }

  std::map<std::string, ChangeHub> hubs_;
  std::map<std::string, std::unique_ptr<Provisioner>> provisioners_;
  std::map<std::string, InstanceRecorder> recorders_;
  std::vector<std::jthread> threads_;  // joined first
};

// The deploy command, where there is one: its runner and the runner's thread.
class DeployCommand {
 public:
  DeployCommand(const ServeOptions& options, Catalog& catalog, const Log& log) {
    if (options.on_deploy.empty()) return;
    runner_.emplace(RolloutOptions{.command = options.on_deploy,
                                   .time_limit = std::chrono::seconds(options.on_deploy_timeout_s),
                                   .inherited = rollout_inherits(environ)},
                    catalog.rollouts, catalog.events, log);
  }
  Result<void> start() {
    if (!runner_) return {};
    auto thread = start_thread<std::jthread>(
        "the deploy command", [this](const std::stop_token& stop) { runner_->run(stop); });
    if (!thread) return propagate(thread);
    thread_ = std::move(*thread);
    return {};
  }
  void wake() {
    if (runner_) runner_->wake();
  }

 private:
  std::optional<RolloutRunner> runner_;
  std::jthread thread_;  // joined first
};

Result<ServerOptions> server_options(const ServeOptions& options) {
  const std::size_t colon = options.listen.rfind(':');
  std::string host = options.listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  ServerOptions server{.address = host,
                       .tls_certificate_file = options.tls_certificate_file,
                       .tls_key_file = options.tls_key_file,
                       .allow_plain_http = options.allow_plain_http,
                       .max_connections = options.max_connections};
  const char* end = options.listen.data() + options.listen.size();
  const char* begin = colon == std::string::npos ? end : options.listen.data() + colon + 1;
  const auto [rest, error] = std::from_chars(begin, end, server.port);
  if (error != std::errc() || rest != end || host.empty()) {
    return fail(ErrorCode::invalid, "listen: '" + options.listen + "' is not HOST:PORT",
                "give an address and a port, such as 127.0.0.1:7710");
  }
  return server;
}

// Where it really listens: port 0 becomes the port that the kernel chose.
std::string listen_url(const ServeOptions& options, std::uint16_t port) {
  const std::string scheme = options.tls_certificate_file.empty() ? "http://" : "https://";
  return scheme + options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(port);
}

// Those that handle_signals() waits for.
sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

// Before there are threads, which inherit the mask.
void prepare_signals() {
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // SIGPIPE: the reader of the log goes away. SIGXFSZ: a write past a file size limit, which fails
  // and is answered. SIGUSR1, SIGUSR2: sent by tools that rotate logs, to whoever writes them.
  for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
    (void)std::signal(number, SIG_IGN);
  }
}

// Ends with SIGTERM or SIGINT, or when the server ends without one.
void handle_signals(Server& server, const Log& log, const std::stop_token& stop) {
  const sigset_t signals = handled_signals();
  const timespec tick{.tv_sec = 0, .tv_nsec = 200'000'000};
  while (!stop.stop_requested()) {
    const int number = sigtimedwait(&signals, nullptr, &tick);
    if (number < 0) continue;
    if (number == SIGHUP) {
      server.reload();
      continue;
    }
    log.info("stopping");
    server.stop();
    return;
  }
}

// No reason to stop: certbot's keys are often readable for a group, and a mount may know no modes.
void warn_of_open_key(const std::string& key_file, const Log& log) {
  struct stat facts{};
  if (key_file.empty() || ::stat(key_file.c_str(), &facts) != 0) return;
  if ((facts.st_mode & (S_IWGRP | S_IROTH | S_IWOTH)) == 0) return;
  log.warning("others may read or replace the TLS key; chmod 640 it, or 600",
              {{"file", key_file}, {"mode", fmt::format("{:04o}", facts.st_mode & 07777)}});
}

// An operator who wanted a URL for good hears that this run alone goes by it.
Result<void> warn_of_unrecorded_urls(const ServeOptions& options, Catalog& catalog,
                                     const Log& log) {
  auto recorded = recorded_public_urls(catalog);
  auto wanted = normalise_urls(options.public_urls);
  if (!recorded) return propagate(recorded);
  if (!wanted) return propagate(wanted);
  if (recorded->empty()) return {};
  for (const std::string& url : *wanted) {
    if (std::ranges::find(*recorded, url) != recorded->end()) continue;
    log.warning("--public-url is of this run only: new credentials name what is recorded",
                {{"url", url},
                 {"recorded", recorded->front()},
                 {"hint", "secret-control-plane public-url set records another"}});
  }
  return {};
}

// The C library would serve large buffers from memory that it keeps: a thousand answers of 2 MB
// each would stay in the process for good. So they are mapped one by one, and unmapped when freed.
void give_large_buffers_back() {
  constexpr int kLarge = 128 * 1024;
  // NOLINTBEGIN(concurrency-mt-unsafe): called before there is another thread
  (void)::mallopt(M_MMAP_THRESHOLD, kLarge);
  (void)::mallopt(M_TRIM_THRESHOLD, kLarge);
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace

Result<void> serve(const ServeOptions& options, const Clock& clock, const Log& log) {
  give_large_buffers_back();
  prepare_signals();
  if (auto started = log.start_thread(); !started) return propagate(started);
  auto wanted = server_options(options);
  if (!wanted) return propagate(wanted);
  warn_of_open_key(options.tls_key_file, log);
  auto lock = lock_data_directory(options.data.data_directory);
  if (!lock) return propagate(lock);
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);

  Catalog& catalog = *stores->catalog;
  if (auto told = catalog.rollouts.use(!options.on_deploy.empty()); !told) return told;
  DeployCommand deploy_command(options, catalog, log);
  Regions regions(*stores, clock, log);
  HttpCounters counters;
  const RestApi rest{.catalog = catalog,
                     .regions = regions.signals([&deploy_command] { deploy_command.wake(); }),
                     .stores = stores->regions,
                     .counters = counters,
                     .clock = clock,
                     .log = log};
  Router router(fallback_response);
  add_rest_routes(router, rest);
  auto server = Server::bind(std::move(*wanted), router, log, counters);
  if (!server) return propagate(server);
  const std::string listening = listen_url(options, (*server)->port());
  auto urls = urls_of_run(catalog, options.public_urls, listening);
  if (!urls) return propagate(urls);
  if (auto told = warn_of_unrecorded_urls(options, catalog, log); !told) return told;
  InstanceApi instances(stores->regions, regions.hubs(), regions.recorders(), *urls, clock, log);
  add_instance_routes(router, instances);

  if (auto started = regions.start(); !started) return propagate(started);
  if (auto started = deploy_command.start(); !started) return propagate(started);
  const auto signal_thread = start_thread<std::jthread>(
      "signals", [&](const std::stop_token& stop) { handle_signals(**server, log, stop); });
  if (!signal_thread) return std::unexpected(signal_thread.error());
  log.info("listening", {{"url", listening}, {"public_url", urls->front()}});
  auto ran = (*server)->run();
  log.info("stopped");
  return ran;
}

}  // namespace agent_secrets::control_plane
