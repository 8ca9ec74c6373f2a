#pragma once
// Descriptors above 2 that the environment or an argument promises to the command by number:
// sockets of systemd (LISTEN_FDS), `<(…)` of a shell (/dev/fd/63), the job server of make, the
// channel of a Node parent. execve keeps the PID and the numbers, so the promise can hold: these
// descriptors stay open, and all others are closed. A variable whose descriptors are not open is
// removed, because the command would otherwise use any file that is opened under that number later.
// docs/injector.md ("Descriptors above 2") has the table.
//
// Only inherited descriptors count, so call find_promised_descriptors() before anything is opened.
// The injector's own descriptors are close-on-exec and never reach the command.

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/log.h"

namespace agent_secrets {

struct BrokenPromise {
  std::string_view variable;
  bool is_expected = false;  // programs have to expect this, by the protocol: no warning
};

struct PromisedDescriptors {
  std::vector<int> kept;  // ascending, each once, all above 2
  std::vector<BrokenPromise> broken;
};

// `pid` is the PID of the process that becomes the command.
PromisedDescriptors find_promised_descriptors(const std::vector<std::string>& command,
                                              char** environment, pid_t pid);

// Removes the broken variables from the environment, in place, and logs a warning for each that is
// not expected.
void remove_broken_promises(const PromisedDescriptors& promised, char** environment,
                            const Log& log);

}  // namespace agent_secrets
