#pragma once
// The signals of `serve`: SIGTERM and SIGINT stop the server, SIGHUP makes it read the certificate
// again. One thread waits for them (sigtimedwait(2)), so no code runs in a signal handler.

#include <stop_token>

#include "control-plane/http/server.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Blocks the three signals and ignores those that must not end the server. Call it before there are
// threads: every later thread inherits the mask.
void prepare_signals();

// Returns after SIGTERM or SIGINT, or, if the server has ended without a signal, soon after `stop`
// is requested.
void handle_signals(Server& server, const Log& log, const std::stop_token& stop);

}  // namespace agent_secrets::control_plane
