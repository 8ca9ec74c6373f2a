#pragma once
// The fleet view for people. Times are UTC: "14:02" today, "2026-11-23 14:02" on another day.

#include <chrono>
#include <string>
#include <vector>

#include "control-plane/fleet/fleet.h"
#include "control-plane/fleet/set_usage.h"
#include "core/terminal_style.h"

namespace agent_secrets::control_plane {

// A table of instances, then one line for each agent: "bot: 40 instances, 12 sessions; 3 of 40
// instances still on version 6 of bot-secrets". `now` is Unix time.
std::string fleet_text(const std::vector<Fleet>& fleets, std::chrono::milliseconds now,
                       const TerminalStyle& style);
// "v6: 3 of 40 instances, oldest since 14:02, safe to revoke: no (3 instances run it)"
std::string set_status_text(const SetUsage& usage, std::chrono::milliseconds now,
                            const TerminalStyle& style);

}  // namespace agent_secrets::control_plane
