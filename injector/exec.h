#pragma once
// Executes the command: searches it by PATH (command_search.h), and explains every failure.

#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "injector/signals.h"

namespace agent_secrets {

// The exit codes of env(1) and of shells.
inline constexpr int kExitInjectorFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

struct ExecFailure {
  int exit_code;
  Error error;
};

// Returns only after a failure. `environment` is NULL-terminated. Close the descriptors that the
// command must not have before (close_from).
ExecFailure exec_command(const std::vector<std::string>& command, std::vector<char*>& environment,
                         const Signals& signals);

// Closes every descriptor from `first` on that is not in `kept`. `kept` is in ascending order;
// numbers below `first` have no effect. Async-signal-safe. As root: call this before the process
// becomes another user, because /proc/self/fd of an undumpable process belongs to root (proc(5)).
void close_from(int first, std::span<const int> kept = {});

// The same with /proc, for a kernel without close_range(2): a loop up to RLIMIT_NOFILE can take a
// billion calls. Reads the directory with a system call, because opendir(3) allocates. False
// without /proc.
bool close_listed_from(int first, std::span<const int> kept = {});

}  // namespace agent_secrets
