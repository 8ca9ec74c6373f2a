#pragma once
// What `serve` does with a catalog (serve.h) and as a region node (serve_region_node.h) alike.
//
// Threads: the main thread.

#include <memory>
#include <string>

#include "control-plane/http/counters.h"
#include "control-plane/http/router.h"
#include "control-plane/http/server.h"
#include "control-plane/serve.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Call it first, before there are threads: it blocks the signals that run_until_stopped() waits
// for, and starts the log's thread. Refuses options that no server can have.
Result<void> prepare_to_serve(const ServeOptions& options, const Log& log);

Result<std::unique_ptr<Server>> bind_server(const ServeOptions& options, const Router& router,
                                            const Log& log, HttpCounters& counters);

// Where the server listens: http(s)://HOST:PORT.
std::string server_url(const ServeOptions& options, const Server& server);

// Serves until SIGTERM or SIGINT (signals.h).
Result<void> run_until_stopped(Server& server, const Log& log);

}  // namespace agent_secrets::control_plane
