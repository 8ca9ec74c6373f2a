#include "control-plane/signals.h"

#include <csignal>
#include <ctime>

namespace agent_secrets::control_plane {
namespace {

sigset_t handled_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

}  // namespace

void prepare_signals() {
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // SIGPIPE: the reader of the log went away. SIGXFSZ: a write exceeds a file size limit; the write
  // then fails, and the request is answered. SIGUSR1, SIGUSR2: tools that rotate logs send them to
  // the process that writes the log.
  for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
    (void)std::signal(number, SIG_IGN);
  }
}

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

}  // namespace agent_secrets::control_plane
