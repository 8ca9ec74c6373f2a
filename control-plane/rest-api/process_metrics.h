#pragma once
// Metrics of this server process, in the Prometheus text format. GET /metrics adds them to the
// metrics of the fleet. They are the same for every organization, and contain no name of an
// organization.

#include <string>

#include "core/log.h"

namespace agent_secrets::control_plane {

std::string process_metrics(const Log& log);

}  // namespace agent_secrets::control_plane
