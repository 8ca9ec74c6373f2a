#pragma once
// System calls of a sidecar: protection of its own process, and the detection of its end.
//
// Threads: call harden_process() and End::prepare() before any thread is started, because a signal
// mask is inherited; End::wait() belongs to one thread.

#include <chrono>
#include <optional>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

// Turns off core dumps, ptrace by the same user (PR_SET_DUMPABLE) and new privileges. Ignores
// SIGPIPE, SIGXFSZ (the write fails, and is reported), SIGUSR1 and SIGUSR2 (platforms send them to
// the whole container, for the bot). Source: prctl(2), setrlimit(2).
Result<void> harden_process();

// Writes one byte to the pipe `fd` and closes it, so that the waiting injector continues. A sidecar
// that fails earlier closes the pipe without this byte.
Result<void> tell_ready(UniqueFd fd);

// The bot whose end also ends the sidecar: a pidfd from the injector, or a PID.
struct Bot {
  std::optional<int> pidfd;
  std::optional<pid_t> pid;
};

enum class EndReason { signal, bot_ended };

class End {
 public:
  // Blocks SIGTERM and SIGINT, and reads them from a descriptor. Without a bot, only a signal ends
  // the sidecar. SIGHUP (from a closed terminal) is ignored beside a bot, because the bot decides
  // whether it ends; without a bot it ends the sidecar, unless it was ignored before (nohup).
  static Result<End> prepare(const Bot& bot);
  // Returns within a second of the bot's end or of a signal.
  [[nodiscard]] Result<EndReason> wait();
  // Nothing if neither happened within `most`; it may return earlier.
  [[nodiscard]] Result<std::optional<EndReason>> wait_for(std::chrono::milliseconds most);

 private:
  [[nodiscard]] Result<std::optional<EndReason>> look(int timeout_ms);

  UniqueFd signals_;
  UniqueFd bot_;
  std::optional<pid_t> polled_pid_;  // if the kernel has no pidfd_open
  bool ended_ = false;               // before the first wait
};

}  // namespace agent_secrets::sidecar
