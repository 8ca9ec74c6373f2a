#pragma once
// Whether a run is a developer's run: a person tries the bot. The control plane lists these runs
// separately, and counts them for "safe to revoke" for one day only, because they do not report
// their end (docs/fleet.md). If a bot were taken for a developer's run, a version that it uses
// could be called safe to revoke. The opposite mistake only makes an operator wait. So a run counts
// as a developer's only if all signs agree.

#include "injector/options.h"

namespace agent_secrets {

// The value of --purpose. Without it, true if stdin is a terminal, no sidecar is requested, and
// neither this process nor its parent is PID 1 (PID 1 is the entrypoint of a container, as with
// `docker run -t`).
bool is_developers_run(const Options& options);

}  // namespace agent_secrets
