#pragma once
// An agent as JSON. It has every member, because the CLI fails on a missing member.

#include <vector>

#include <boost/json/object.hpp>

#include "control-plane/catalog/catalog.h"
#include "control-plane/fleet/fleet.h"

namespace agent_secrets::control_plane {

boost::json::object agent_json(const Organization& organization, const Agent& agent,
                               const std::vector<FleetInstance>& instances);
boost::json::object agent_row_json(const Organization& organization, const Agent& agent);
boost::json::object deployment_json(const Organization& organization, const Agent& agent,
                                    const Deployment& deployment);

}  // namespace agent_secrets::control_plane
