#pragma once
// Becoming the command: found by PATH as command_search.h says, with every failure explained.

#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "injector/signals.h"

namespace agent_secrets {

// env(1) and the shells agree on these.
inline constexpr int kExitInjectorFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

struct ExecFailure {
  int exit_code;
  Error error;
};

// Returns only when it failed. `environment` is NULL-terminated. Descriptors that the command is
// not to have are closed before (close_from).
ExecFailure exec_command(const std::vector<std::string>& command, std::vector<char*>& environment,
                         const Signals& signals);

// Closes every descriptor from `first` on that is not in `kept`. `kept` is in ascending order;
// numbers below `first` have no effect. Async-signal-safe. As root: call this before the process
// becomes another user, because /proc/self/fd of an undumpable process belongs to root (proc(5)).
void close_from(int first, std::span<const int> kept = {});

// The same by /proc, for where there is no close_range(2): counting up to RLIMIT_NOFILE can take a
// billion calls. Reads the directory by system call, because opendir(3) allocates. False where
// there is no /proc.
bool close_listed_from(int first, std::span<const int> kept = {});

}  // namespace agent_secrets
