#include "control-plane/serve.h"

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
#include <sys/stat.h>

#include "control-plane/commands/admin.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/http/server.h"
#include "control-plane/instance-api/routes.h"
#include "control-plane/public_urls.h"
#include "control-plane/region/provisioner.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"
#include "control-plane/rollout/runner.h"

namespace agent_secrets::control_plane {
namespace {

// One region's background work, and those who wait for it.
class Regions {
 public:
  Regions(Stores& stores, const Clock& clock, const Log& log) {
    for (auto& [code, handle] : stores.regions) {
      provisioners_[code] = std::make_unique<Provisioner>(code, *stores.catalog, *handle.store,
                                                          hubs_[code], clock, log);
      recorders_.try_emplace(code, code, *handle.store, clock, log);
    }
  }
  void start() {
    for (auto& [code, provisioner] : provisioners_) {
      threads_.emplace_back(
          [running = provisioner.get()](const std::stop_token& stop) { running->run(stop); });
    }
    for (auto& [code, recorder] : recorders_) {
      threads_.emplace_back(
          [running = &recorder](const std::stop_token& stop) { running->run(stop); });
    }
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
                    catalog, log);
  }
  void start() {
    if (!runner_) return;
    thread_ = std::jthread([this](const std::stop_token& stop) { runner_->run(stop); });
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

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Ends with the first signal, or when the server ends without one.
void stop_on_signal(Server& server, const Log& log, const std::stop_token& stop) {
  const sigset_t signals = stop_signals();
  const timespec tick{.tv_sec = 0, .tv_nsec = 200'000'000};
  while (!stop.stop_requested()) {
    if (sigtimedwait(&signals, nullptr, &tick) < 0) continue;
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

Result<std::vector<std::string>> settle_public_urls(const ServeOptions& options, Catalog& catalog,
                                                    const std::string& listening) {
  if (!options.public_urls.empty()) {
    auto chosen = normalise_urls(options.public_urls);
    if (!chosen) return chosen;
    if (auto kept = remember_public_urls(catalog, *chosen); !kept) return propagate(kept);
  }
  if (auto kept = remember_listen_url(catalog, listening); !kept) return propagate(kept);
  return public_urls(catalog);
}

}  // namespace

Result<void> serve(const ServeOptions& options, const Clock& clock, const Log& log) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  (void)std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the server
  (void)std::signal(SIGXFSZ, SIG_IGN);  // a write past a file size limit fails, and is answered

  auto wanted = server_options(options);
  if (!wanted) return propagate(wanted);
  warn_of_open_key(options.tls_key_file, log);
  auto lock = lock_data_directory(options.data.data_directory);
  if (!lock) return propagate(lock);
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);

  Catalog& catalog = *stores->catalog;
  if (auto told = catalog.use_rollouts(!options.on_deploy.empty()); !told) return told;
  DeployCommand deploy_command(options, catalog, log);
  Regions regions(*stores, clock, log);
  const RestApi rest{.catalog = catalog,
                     .regions = regions.signals([&deploy_command] { deploy_command.wake(); }),
                     .stores = stores->regions,
                     .clock = clock,
                     .log = log};
  Router router(fallback_response);
  add_rest_routes(router, rest);
  auto server = Server::bind(std::move(*wanted), router, log);
  if (!server) return propagate(server);
  const std::string listening = listen_url(options, (*server)->port());
  auto urls = settle_public_urls(options, catalog, listening);
  if (!urls) return propagate(urls);
  InstanceApi instances(stores->regions, regions.hubs(), regions.recorders(), *urls, clock, log);
  add_instance_routes(router, instances);

  regions.start();
  deploy_command.start();
  const std::jthread signal_thread(
      [&](const std::stop_token& stop) { stop_on_signal(**server, log, stop); });
  log.info("listening", {{"url", listening}, {"public_url", urls->front()}});
  auto ran = (*server)->run();
  log.info("stopped");
  return ran;
}

}  // namespace agent_secrets::control_plane
