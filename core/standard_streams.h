#pragma once
// A program may be started with descriptor 0, 1 or 2 closed. The first file or socket that it opens
// then takes that number, and is written to as stderr.
//
// Threads: call it first, before any is started.

#include "core/error.h"

namespace agent_secrets {

// Descriptors 0, 1 and 2 are open from here on, on /dev/null where the parent had closed them.
Result<void> open_standard_streams();

}  // namespace agent_secrets
