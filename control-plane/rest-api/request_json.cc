#include "control-plane/rest-api/request_json.h"

#include <chrono>
#include <string>
#include <string_view>

#include "control-plane/rest-api/errors.h"
#include "core/limits.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

std::optional<UnixMs> read_expiry(const JsonObject& body, const Clock& clock) {
  constexpr std::chrono::seconds kLongest = std::chrono::years(10);
  if (!body.has("expiresIn")) return std::nullopt;
  const std::chrono::seconds wanted(body.integer("expiresIn"));
  if (wanted.count() < 1 || wanted > kLongest) {
    body.refuse("expiresIn", "not a number of seconds up to ten years");
    return std::nullopt;
  }
  return clock.unix_time() + wanted;
}

Role read_role(const JsonObject& body, Role fallback) {
  const std::string_view text = body.optional_text("role", limits::kTitleMax);
  if (text.empty()) return fallback;
  const Role role = parse_role(text);
  if (to_string(role) != text) body.refuse("role", "none of viewer, member and admin");
  return role;
}

boost::json::value time_json(std::optional<UnixMs> time) {
  if (!time) return nullptr;
  return boost::json::value(format_timestamp(*time));
}

Response secret_response(const boost::json::value& body) {
  Response response = json_response(body, 201);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

}  // namespace agent_secrets::control_plane
