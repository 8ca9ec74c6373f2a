#pragma once
// `secret-sidecar wait-change`: returns when the state needs an action (or differs from --from). It
// returns at once if that is already true, so no change between two calls is missed. It sleeps on
// inotify(7), which works across containers that share the directory.

#include "core/clock.h"
#include "core/error.h"
#include "sidecar/options.h"
#include "sidecar/status.h"

namespace agent_secrets::sidecar {

inline constexpr int kExitTimedOut = 124;  // as timeout(1)

// The status that ended the wait, or the last status with kExitTimedOut. An error if the directory
// cannot be watched.
Result<StatusReport> wait_change(const WaitChangeOptions& options, const Clock& clock);

}  // namespace agent_secrets::sidecar
