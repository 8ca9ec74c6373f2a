#include "control-plane/signals.h"

#include <chrono>
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

void handle_signals(const SignalActions& actions, const std::stop_token& token) {
  const sigset_t signals = handled_signals();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(actions.pause);
  const timespec pause{.tv_sec = seconds.count(),
                       .tv_nsec = std::chrono::nanoseconds(actions.pause - seconds).count()};
  while (!token.stop_requested()) {
    const int number = sigtimedwait(&signals, nullptr, &pause);
    actions.tick();
    if (number < 0) continue;
    if (number != SIGHUP) return actions.stop();
    actions.reload();
  }
}

}  // namespace agent_secrets::control_plane
