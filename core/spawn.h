#pragma once
// Starts another program from a process with threads, with a known set of descriptors and signals:
// standard input is /dev/null, no other descriptor of this process is inherited, no signal is
// blocked, and those that this process handles or ignores have their default action.
//
// Threads: any. Source: posix_spawn(3), which is safe in a process with threads; fork(2) with our
// own code is not.

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/error.h"

namespace agent_secrets {

struct SpawnOptions {
  std::string program;  // a path
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value"; the complete environment
  int output_fd = 1;                     // becomes standard output
  int error_fd = -1;                     // becomes standard error; -1: output_fd
  int kept_fd = -1;                      // becomes descriptor 3; -1: none
  bool new_group = false;                // in a process group of its own
};

// The caller waits for the process (waitpid(2)).
Result<pid_t> spawn(SpawnOptions options);

}  // namespace agent_secrets
