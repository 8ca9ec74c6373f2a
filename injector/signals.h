#pragma once
// Signals while the injector works, and their exact state for the command afterwards.
//
// SIGTERM, SIGINT and SIGHUP end the injector with 128+n. This needs handlers, because as PID 1 a
// process does not receive a signal with the default disposition (signal(7), pid_namespaces(7)). A
// signal that the parent had ignored (nohup) or blocked stays ignored or blocked.
//
// The handlers are not removed before the exec: execve resets a caught signal to its default, and
// every signal that is caught here had the default before. If they were removed earlier, a SIGTERM
// to PID 1 between the removal and the exec would be lost.
//
// SIGPIPE and SIGXFSZ are ignored meanwhile: a write to a closed connection, or beyond the file
// size limit (setrlimit(2)), then fails and is reported. execve keeps an ignored signal ignored, so
// the old dispositions are restored before it. All other signals, such as SIGUSR1 and SIGUSR2, act
// as on a command that has not installed a handler yet.
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

  // Call it immediately before execve.
  void restore_for_exec() const;
  // Call it after an execve that failed. SIGPIPE must be ignored again: the report may go to a pipe
  // without a reader, and this process must end with its exit code.
  static void take_back();

 private:
  static constexpr std::array<int, 2> kIgnored = {SIGPIPE, SIGXFSZ};
  std::array<struct sigaction, kIgnored.size()> before_{};  // in the order of kIgnored
};

}  // namespace agent_secrets
