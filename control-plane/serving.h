#pragma once
// The steps of `serve` that are the same with a catalog (serve.h) and as a region node
// (serve_region_node.h).
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
// for, and starts the log's thread. Fails if the options are not valid for a server.
Result<void> prepare_to_serve(const ServeOptions& options, const Log& log);

Result<std::unique_ptr<Server>> bind_server(const ServeOptions& options, const Router& router,
                                            const Log& log, HttpCounters& counters);

// Returns the URL at which the server listens: http(s)://HOST:PORT.
std::string server_url(const ServeOptions& options, const Server& server);

// Serves until SIGTERM or SIGINT (signals.h).
Result<void> run_until_stopped(Server& server, const Log& log);

}  // namespace agent_secrets::control_plane
