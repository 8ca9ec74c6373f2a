#pragma once
// A program may be started with descriptor 0, 1 or 2 closed. The first file or socket that it opens
// then takes that number, and is written to as stderr.
//
// Threads: call open_standard_streams() first, before any is started.

#include <string_view>

#include "core/error.h"

namespace agent_secrets {

// Descriptors 0, 1 and 2 are open from here on, on /dev/null where the parent had closed them.
Result<void> open_standard_streams();

// What a program says on stderr before it ends. Waits a second at most for whoever should read it,
// then gives up: the exit code says that it failed, and a program that hangs says nothing. From any
// thread; async-signal-safe.
void write_last_words(std::string_view text);

}  // namespace agent_secrets
