#pragma once
// The steps of `serve` that are the same with a catalog (serve.h) and as a region node
// (serve_region_node.h): its sockets, its signals, and what it tells the service manager.
//
// Threads: the main thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control-plane/http/counters.h"
#include "control-plane/http/listening_socket.h"
#include "control-plane/http/router.h"
#include "control-plane/http/server.h"
#include "control-plane/instance-api/bundle_audit.h"
#include "control-plane/serve.h"
#include "control-plane/service_manager.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// --audit-bundles.
BundleAuditMode audit_mode(const ServeOptions& options);

// What the environment of a service has. It must outlive the server.
struct Service {
  ServiceManager manager;
  std::vector<ListeningSocket> activated;  // until listen() takes them
};

// Call it first, before there are threads: it reads and wipes the variables of the service manager,
// blocks the signals that run_until_stopped() waits for, and starts the log's thread. Refuses
// options that no server can have.
Result<Service> prepare_to_serve(const ServeOptions& options, const Log& log);

struct ListeningServer {
  std::unique_ptr<Server> server;
  std::vector<std::string> urls;  // of each socket: http(s)://HOST:PORT, unix:PATH
  std::string url;                // the first one of an address; "" if there are paths alone
};

// Listens at --listen and at the sockets of the service manager; at the default address if there
// are none.
Result<ListeningServer> listen(const ServeOptions& options, Service& service, const Router& router,
                               const Log& log, HttpCounters& counters);

// Serves until SIGTERM or SIGINT (signals.h). At each SIGHUP, reads the certificate and the log
// level again, and calls `reload`.
Result<void> run_until_stopped(const ListeningServer& listening, const ServeOptions& options,
                               const Service& service, const Log& log,
                               const std::function<void()>& reload = {});

}  // namespace agent_secrets::control_plane
