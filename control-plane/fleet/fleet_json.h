#pragma once
// The fleet view as JSON, for the REST API and for --json (docs/fleet.md has the members). Names
// and versions only.

#include <boost/json/object.hpp>

#include "control-plane/fleet/fleet.h"
#include "control-plane/fleet/set_usage.h"

namespace agent_secrets::control_plane {

// One agent of a fleet. Silent instances are counted and not listed.
boost::json::object fleet_agent_json(const Fleet& fleet, const FleetAgent& agent);
boost::json::object set_usage_json(const SetUsage& usage);

}  // namespace agent_secrets::control_plane
