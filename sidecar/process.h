#pragma once
// What a sidecar asks of the kernel: to be left alone, and to be told when to go.
//
// Threads: call harden_process() and End::prepare() before any thread is started, because a signal
// mask is inherited; End::wait() belongs to one thread.

#include <chrono>
#include <optional>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

// No core dumps, no ptrace by the same user (PR_SET_DUMPABLE), no gain of privileges. Ignored are
// SIGPIPE, SIGXFSZ (the write fails, and is reported), SIGUSR1 and SIGUSR2 (sent to a whole
// container, for the bot). Source: prctl(2), setrlimit(2).
Result<void> harden_process();

// Writes one byte to the pipe `fd` and closes it: whoever waits there goes on. A sidecar that fails
// before ends without that byte.
Result<void> tell_ready(UniqueFd fd);

// The bot whose end is the sidecar's: a pidfd from the injector, or a PID to open one for.
struct Bot {
  std::optional<int> pidfd;
  std::optional<pid_t> pid;
};

enum class EndReason { signal, bot_ended };

class End {
 public:
  // Blocks SIGTERM and SIGINT, to be read from a descriptor. Without a bot, only a signal ends it.
  // SIGHUP, the end of a terminal: beside a bot it is ignored, because the bot decides whether it
  // ends; without one it ends the sidecar, unless it was ignored before (nohup).
  static Result<End> prepare(const Bot& bot);
  // Returns within a second of the bot's end or of a signal.
  [[nodiscard]] Result<EndReason> wait();
  // Nothing when neither came within `most`, or earlier.
  [[nodiscard]] Result<std::optional<EndReason>> wait_for(std::chrono::milliseconds most);

 private:
  [[nodiscard]] Result<std::optional<EndReason>> look(int timeout_ms);

  UniqueFd signals_;
  UniqueFd bot_;
  std::optional<pid_t> polled_pid_;  // where the kernel gives us no pidfd
  bool ended_ = false;               // before we could look
};

}  // namespace agent_secrets::sidecar
