#pragma once
// Metrics of this server process itself, which GET /metrics adds to those of the fleet, in the
// Prometheus text format. They are the same for every organization, and name none.

#include <string>

#include "core/log.h"

namespace agent_secrets::control_plane {

std::string process_metrics(const Log& log);

}  // namespace agent_secrets::control_plane
