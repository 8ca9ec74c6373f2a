#pragma once
// The signals of `serve`: SIGTERM and SIGINT stop the server, SIGHUP makes it read the certificate
// again. One thread waits for them (sigtimedwait(2)), so no code runs in a signal handler.

#include <stop_token>

#include "control-plane/http/server.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Blocks SIGTERM, SIGINT and SIGHUP, and ignores SIGPIPE, SIGXFSZ, SIGUSR1 and SIGUSR2, whose
// default action ends a process. Call it before the first thread starts: threads inherit the mask.
void prepare_signals();

// Reloads the certificate at each SIGHUP, and stops the server at SIGTERM or SIGINT. Returns then,
// or at most 0.2 s after a request of `stop`.
void handle_signals(Server& server, const Log& log, const std::stop_token& stop);

}  // namespace agent_secrets::control_plane
