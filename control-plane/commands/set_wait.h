#pragma once
// `set wait NAME`: for pipelines, which deploy what they have just written.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// kExitOk when the newest version is ready, kExitSetFailed, or kExitWaitTimedOut; why not is said
// on standard error. A version that is written meanwhile is waited for in its turn.
Result<ExitCode> wait_for_set(const SetWaitOptions& options, Clock& clock);

}  // namespace agent_secrets::control_plane
