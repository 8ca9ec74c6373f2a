#pragma once
// `agent events`: what happened to an agent, where nobody has a token at hand.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> show_agent_events(const AgentEventsOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
