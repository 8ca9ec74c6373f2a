#pragma once
// The signals of `serve`: SIGTERM and SIGINT stop the server, SIGHUP makes it read the certificate,
// the log level and, on a region node, the file of the region's keys again. One thread waits for
// them (sigtimedwait(2)), so no code runs in a signal handler.

#include <chrono>
#include <functional>
#include <stop_token>

namespace agent_secrets::control_plane {

// Blocks SIGTERM, SIGINT and SIGHUP, and ignores SIGPIPE, SIGXFSZ, SIGUSR1 and SIGUSR2, whose
// default action ends a process. Call it before the first thread starts: threads inherit the mask.
void prepare_signals();

struct SignalActions {
  std::function<void()> reload;  // at each SIGHUP
  std::function<void()> stop;    // at SIGTERM or SIGINT
  std::function<void()> tick;    // about every `pause`
  std::chrono::milliseconds pause{200};
};

// Returns after `stop` ran, or at most `pause` after a request of the token.
void handle_signals(const SignalActions& actions, const std::stop_token& token);

}  // namespace agent_secrets::control_plane
