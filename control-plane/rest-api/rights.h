#pragma once
// The rights of the REST API: which role a route needs. One table (rights.cc) has a row for each
// route about an organization, and only the router's first step uses it (rest_api.cc). A route
// without a row stops the server at its start.
//
// A rule that depends on the data, such as the binding of a protected set, is in the catalog, in
// the transaction of the change (catalog/bindings.h).

#include <string_view>

#include "control-plane/model/actor.h"
#include "control-plane/rest-api/authenticate.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// `pattern` is the router's. Both families have one row: "/v1/organizations/{org}/secrets" and
// "/v1/secrets" are "/secrets".
Role least_role(std::string_view method, std::string_view pattern);
// ErrorCode::forbidden; the sentence names the role that is needed, and how to get it.
Result<void> check_role(const Principal& principal, Role least);

}  // namespace agent_secrets::control_plane
