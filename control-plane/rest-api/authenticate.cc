#include "control-plane/rest-api/authenticate.h"

#include <string>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::string_view kScheme = "bearer ";

constexpr std::string_view kSeveral =
    "This token reaches several organizations, and the path names none. Use a private API key, or "
    "a token of one organization.";

Principal principal_in(const Identity& identity, const Membership& membership) {
  Principal principal{.actor = identity.actor, .organization = membership.organization};
  principal.actor.role = membership.role;
  return principal;
}

}  // namespace

std::optional<std::string_view> bearer_of(const Request& request) {
  const std::string_view header = request.header("authorization");
  // The scheme's name is case-insensitive (RFC 9110 section 11.1).
  if (header.size() <= kScheme.size() || header.size() > kScheme.size() + limits::kBearerMax)
    return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = header[i];
    if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != kScheme[i]) return {};
  }
  return header.substr(kScheme.size());
}

bool shows_authorization(const Request& request) {
  return !request.header("authorization").empty();
}

std::string account_of(const Request& request) {
  const auto bearer = bearer_of(request);
  if (!bearer) return {};
  const BearerHash hash = hash_bearer(*bearer);
  return "bearer " + std::string(hash.begin(), hash.begin() + hash.size() / 2);
}

Result<Identity> authenticate(Identities& identities, const Request& request) {
  const auto bearer = bearer_of(request);
  if (!bearer) return fail(ErrorCode::unauthorized, "Unauthorized");
  auto identity = identities.find(hash_bearer(*bearer));
  if (!identity) return propagate(identity);
  if (!*identity) return fail(ErrorCode::unauthorized, "Unauthorized");
  (*identity)->actor.address = request.address;
  return std::move(**identity);
}

Result<Principal> authorize(const Identity& identity, const Request& request) {
  const auto organization = request.params.find("org");
  if (organization == request.params.end()) {
    if (identity.reaches.size() > 1) return fail(ErrorCode::invalid, std::string(kSeveral));
    if (!identity.reaches.empty()) return principal_in(identity, identity.reaches.front());
    return fail(ErrorCode::forbidden, "This token reaches no organization");
  }
  for (const Membership& membership : identity.reaches) {
    if (membership.organization.name == organization->second) {
      return principal_in(identity, membership);
    }
  }
  return fail(ErrorCode::forbidden, "This token has no access to that organization");
}

}  // namespace agent_secrets::control_plane
