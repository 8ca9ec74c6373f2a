#pragma once
// `agent events`: what happened to an agent, without a token. `agent deploy-name`: what a deploy
// command calls its target, so that an operator can create it before the first deploy.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> show_agent_events(const AgentEventsOptions& options, const Clock& clock);
Result<void> show_deploy_name(const AgentDeployNameOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
