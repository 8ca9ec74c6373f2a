#pragma once
// The fleet as metrics, in the Prometheus text format, made afresh for each scrape: a series whose
// instances are gone is gone too.
//
//   agent_secrets_instances{organization,agent,version,state,watched}
//   agent_secrets_developer_runs{organization,agent}
//   agent_secrets_active_sessions{organization,agent}
//   agent_secrets_reports_age_seconds{region}
//
// And of the control plane:
//
//   agent_secrets_last_backup_timestamp_seconds: 0 without a backup
//
// `version` has the versions of the agent's sets in the order of their names, without the names
// ("7", "7,2"), "none" without a set, and "unknown". How many series there are follows from how
// many releases a region keeps, not from what instances say.
//
// Threads: safe from several; no state.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/fleet/fleet.h"

namespace agent_secrets::control_plane {

inline constexpr std::string_view kMetricsMediaType = "text/plain; version=0.0.4; charset=utf-8";

// Of one organization's agents.
std::string fleet_metrics(const std::vector<Fleet>& fleets, std::string_view organization,
                          std::chrono::milliseconds now);

std::string backup_metrics(std::optional<std::chrono::milliseconds> last_backup);

}  // namespace agent_secrets::control_plane
