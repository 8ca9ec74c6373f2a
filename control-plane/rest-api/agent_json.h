#pragma once
// An agent as the API shows it (contract 6.1): complete, because the CLI reads members unguarded.

#include <cstdint>

#include <boost/json/object.hpp>

#include "control-plane/catalog/catalog.h"

namespace agent_secrets::control_plane {

boost::json::object agent_json(const Organization& organization, const Agent& agent,
                               std::int64_t active_sessions);
boost::json::object agent_row_json(const Organization& organization, const Agent& agent);
boost::json::object deployment_json(const Organization& organization, const Agent& agent,
                                    const Deployment& deployment);

}  // namespace agent_secrets::control_plane
