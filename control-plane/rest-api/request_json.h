#pragma once
// What the bodies of the admins' routes have in common (tokens.cc, members.cc, api_keys.cc,
// credentials.cc): a role, and a time to live.

#include <optional>

#include <boost/json/value.hpp>

#include "control-plane/http/message.h"
#include "control-plane/model/actor.h"
#include "control-plane/model/time.h"
#include "core/clock.h"
#include "core/json_reader.h"

namespace agent_secrets::control_plane {

// The longest body of these routes, in bytes.
inline constexpr std::size_t kAdminBody = 4uz * 1024;

// "expiresIn", in seconds, at most ten years; absent without it. Refuses another value.
std::optional<UnixMs> read_expiry(const JsonObject& body, const Clock& clock);
// "role"; `fallback` without it. Refuses a text that names no role.
Role read_role(const JsonObject& body, Role fallback);

boost::json::value time_json(std::optional<UnixMs> time);
// For an answer with a secret, which no cache may keep.
Response secret_response(const boost::json::value& body);

}  // namespace agent_secrets::control_plane
