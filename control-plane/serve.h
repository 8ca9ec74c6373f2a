#pragma once
// `serve`: wires the stores, the regions with their background threads, the REST API, the instance
// API, the deploy command and the HTTP server, and runs until SIGTERM or SIGINT (signals.h).

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Call it before there are threads: it blocks the signals that it waits for.
Result<void> serve(const ServeOptions& options, const Clock& clock, const Log& log);

}  // namespace agent_secrets::control_plane
