#pragma once
// A program may be started with descriptor 0, 1 or 2 closed. The first file or socket that the
// program opens then gets this number, and messages for stderr would be written to it.
//
// Threads: call open_standard_streams() before any thread is started.

#include <string_view>

#include "core/error.h"

namespace agent_secrets {

// Opens each of the descriptors 0, 1 and 2 that the parent had closed, on /dev/null.
Result<void> open_standard_streams();

// Writes a program's last message to stderr. Waits at most a second for a reader of stderr, then
// drops the rest: the exit code still reports the failure, and the program does not hang. From any
// thread; async-signal-safe.
void write_last_words(std::string_view text);

}  // namespace agent_secrets
