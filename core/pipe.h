#pragma once
// A pipe for the output of a child process (core/spawn.h).
//
// Threads: any.

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

struct Pipe {
  UniqueFd reader;  // does not block
  UniqueFd writer;
};

// Both ends are closed at execve.
Result<Pipe> make_pipe();

}  // namespace agent_secrets
