#pragma once
// Whether a run is a developer's: somebody tries the bot by hand. The control plane shows such runs
// apart, and "safe to revoke" waits for them for a day at most, because nothing tells of their end
// (docs/fleet.md). Taking a bot for a developer's run could therefore call a version safe that the
// bot still has; the other mistake only makes an operator wait. So the guess needs every sign.

#include "injector/options.h"

namespace agent_secrets {

// What --purpose says. Without it: stdin is a terminal, no sidecar is asked for, and neither this
// process nor its parent is PID 1, as the entrypoint of a container is (`docker run -t`).
bool is_developers_run(const Options& options);

}  // namespace agent_secrets
