#pragma once
// Finds the actor and the organization of a request, from the token or private key in
// `Authorization: Bearer …`. What the actor's role allows is in rights.h. The token must reach the
// organization in the path. An unknown organization and an organization out of reach get the same
// 403, so that names cannot be probed (the official CLI shows a 404 as an empty list). Without an
// organization in the path the token must reach exactly one. Each request looks up everything
// again, so a revocation or the end of a membership takes effect at the next request.

#include <optional>
#include <string>
#include <string_view>

#include "control-plane/catalog/identities.h"
#include "control-plane/http/message.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Who makes a request, and the organization that the request is about. The actor's role is the role
// in this organization.
struct Principal {
  Actor actor;
  Organization organization;
};

// The text after "Bearer ", or nothing.
std::optional<std::string_view> bearer_of(const Request& request);
// Whether there is an Authorization header of any kind.
bool shows_authorization(const Request& request);
// Identifies the bearer token for the server's limits, by a part of its SHA-256; empty without a
// token.
std::string account_of(const Request& request);
// ErrorCode::unauthorized, with the text for the client.
Result<Identity> authenticate(Identities& identities, const Request& request);
// The organization of the request. ErrorCode::forbidden, or invalid if the organization is not
// clear.
Result<Principal> authorize(const Identity& identity, const Request& request);

}  // namespace agent_secrets::control_plane
