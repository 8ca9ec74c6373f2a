#pragma once
// Signals while the injector works, and their exact state for the command afterwards.
//
// SIGTERM, SIGINT and SIGHUP end the injector with 128+n, as PID 1 too, where the kernel drops a
// signal whose disposition is the default (signal(7), pid_namespaces(7)). One that the parent had
// ignored (nohup) or blocked stays so.
//
// The handlers are not taken down before the exec: execve itself resets a caught signal to its
// default, and what was caught here had the default before. Taking them down earlier would open a
// moment in which a SIGTERM to PID 1 is lost.
//
// SIGPIPE and SIGXFSZ are ignored meanwhile: a write to a connection that is closed, or past the
// file size limit (setrlimit(2)), then fails and is reported. execve keeps an ignored signal
// ignored, so the old dispositions are put back. All other signals, SIGUSR1 and SIGUSR2 among them,
// do what they would do to a command that has installed no handler yet.
//
// Threads: made and used by main(); a resolver thread of libcurl may run the handler, which only
// calls _exit.

#include <array>
#include <csignal>

namespace agent_secrets {

class Signals {
 public:
  Signals();
  ~Signals() = default;
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The last thing before execve.
  void restore_for_exec() const;
  // After an execve that failed: reporting it to a pipe that nobody reads must not be what this
  // process dies of.
  static void take_back();

 private:
  static constexpr std::array<int, 2> kIgnored = {SIGPIPE, SIGXFSZ};
  std::array<struct sigaction, kIgnored.size()> before_{};  // in the order of kIgnored
};

}  // namespace agent_secrets
