#pragma once
// `secret-sidecar wait-change`: returns when `status` would say something that asks for an action
// (or another state than --from), at once when it does already, so that no change between two calls
// is missed. Sleeps on inotify(7): it works across containers that share the directory.

#include "core/clock.h"
#include "core/error.h"
#include "sidecar/options.h"
#include "sidecar/status.h"

namespace agent_secrets::sidecar {

inline constexpr int kExitTimedOut = 124;  // as timeout(1)

// The status that ended the wait, or the last one with kExitTimedOut. An error when the directory
// cannot be watched.
Result<StatusReport> wait_change(const WaitChangeOptions& options, const Clock& clock);

}  // namespace agent_secrets::sidecar
