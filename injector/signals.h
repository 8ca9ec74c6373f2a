#pragma once
// Signals while the injector works, and their exact state for the command afterwards.
//
// SIGTERM, SIGINT and SIGHUP end the injector with 128+n, as PID 1 too, where the kernel drops a
// signal whose disposition is the default (signal(7), pid_namespaces(7)). One that the parent had
// ignored (nohup) or blocked stays so.
//
// The handlers are not taken down before the exec: execve itself resets a caught signal to its
// default, and what was caught here had the default before. Taking them down earlier would open a
// moment in which a SIGTERM to PID 1 is lost. SIGPIPE is ignored meanwhile, as libcurl
// wants it; execve keeps an ignored signal ignored, so its old disposition is put back.
//
// Threads: made and used by main(); a resolver thread of libcurl may run the handler, which only
// calls _exit.

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
  struct sigaction pipe_before_;
};

}  // namespace agent_secrets
