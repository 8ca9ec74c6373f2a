#pragma once
// Whose request it is, and in which organization: the token or private key in
// `Authorization: Bearer …` decides. An organization in the path must be one that it reaches; an
// unknown and a foreign one get the same 403, so that names cannot be probed (the official CLI
// takes a 404 for an empty list). Without one in the path the token must reach exactly one.
// Everything is looked up at each request: a revocation, or the end of a membership, counts from
// the next one on.

#include <optional>
#include <string>
#include <string_view>

#include "control-plane/catalog/access.h"
#include "control-plane/http/message.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// The organization that a request is about, and its caller's role there.
using Principal = Membership;

// What follows "Bearer ", or nothing.
std::optional<std::string_view> bearer_of(const Request& request);
// Whether there is an Authorization header at all, of whatever kind.
bool shows_authorization(const Request& request);
// Names the bearer for the server's limits, by a part of its SHA-256; empty without one.
std::string account_of(const Request& request);
// ErrorCode::unauthorized, with the text for the client.
Result<Identity> authenticate(Access& access, const Request& request);
// Besides: forbidden, or invalid where the organization is not clear.
Result<Principal> authorize(Access& access, const Request& request);

}  // namespace agent_secrets::control_plane
