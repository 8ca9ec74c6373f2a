#include "control-plane/rest-api/rights.h"

#include <algorithm>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {
namespace {

struct Right {
  std::string_view method;
  std::string_view path;
  Role least;
};

constexpr Right kRights[] = {
    {"GET", "/secrets", Role::viewer},
    {"GET", "/secrets/{set}", Role::viewer},
    {"PUT", "/secrets/{set}", Role::member},
    {"PATCH", "/secrets/{set}", Role::admin},  // protects it (catalog/bindings.h)
    {"DELETE", "/secrets/{set}", Role::member},
    {"DELETE", "/secrets/{set}/{key}", Role::member},
    {"GET", "/secrets/{set}/usage", Role::viewer},

    // An agent is a service in the paths of the CLI.
    {"GET", "/services", Role::viewer},
    {"POST", "/services", Role::member},
    {"PUT", "/services", Role::member},
    {"GET", "/services/{name}", Role::viewer},
    {"DELETE", "/services/{name}", Role::member},
    {"GET", "/services/{name}/deployments", Role::viewer},
    {"GET", "/services/{name}/events", Role::viewer},
    {"GET", "/services/{name}/instances", Role::viewer},
    {"GET", "/services/{name}/sessions", Role::viewer},
    {"GET", "/services/{name}/sessions/{id}", Role::viewer},
    {"DELETE", "/services/{name}/sessions/{id}", Role::member},
    {"GET", "/agents", Role::viewer},
    {"POST", "/agents", Role::member},
    {"GET", "/agents/{name}", Role::viewer},
    {"POST", "/agents/{name}", Role::member},
    {"DELETE", "/agents/{name}", Role::member},
    {"GET", "/agents/{name}/events", Role::viewer},
    {"GET", "/agents/{name}/instances", Role::viewer},
    {"GET", "/agents/{name}/sessions", Role::viewer},
    {"GET", "/agents/{name}/sessions/{id}", Role::viewer},
    {"DELETE", "/agents/{name}/sessions/{id}", Role::member},

    // A member registers a key for development alone (catalog/develop.h).
    {"POST", "/services/{name}/credentials", Role::member},
    {"POST", "/agents/{name}/credentials", Role::member},
    {"GET", "/credentials", Role::admin},
    {"DELETE", "/credentials/{kid}", Role::admin},
    {"GET", "/tokens", Role::admin},
    {"POST", "/tokens", Role::admin},
    {"DELETE", "/tokens/{id}", Role::admin},
    {"GET", "/members", Role::admin},
    {"PUT", "/members/{name}", Role::admin},
    {"DELETE", "/members/{name}", Role::admin},

    {"GET", "/fleet", Role::viewer},
    {"GET", "/daily", Role::viewer},
    {"GET", "/metrics", Role::viewer},
    {"GET", "/regions", Role::viewer},
    {"GET", "/properties", Role::viewer},
    {"PATCH", "/properties", Role::member},
    {"GET", "/properties/schema", Role::viewer},
    {"GET", "/apiKeys", Role::viewer},  // private keys only to admins (api_keys.cc)
    {"POST", "/apiKeys", Role::member},
    {"DELETE", "/apiKeys/{id}", Role::member},
    {"GET", "/audit", Role::admin},
    {"GET", "/audit/checkpoint", Role::admin},

    // Not offered (declined.cc): each answers with a sentence, and does nothing.
    {"GET", "/builds", Role::viewer},
    {"POST", "/builds", Role::viewer},
    {"GET", "/builds/{id}", Role::viewer},
    {"GET", "/builds/{id}/logs", Role::viewer},
    {"POST", "/builds/upload-url", Role::viewer},
    {"GET", "/services/{name}/logs", Role::viewer},
    {"GET", "/agents/{name}/logs", Role::viewer},
    {"POST", "/secrets/references", Role::viewer},
    {"POST", "/regions", Role::viewer},
    {"GET", "/regions/{region}", Role::viewer},
    {"DELETE", "/regions/{region}", Role::viewer},
    {"POST", "/regions/{region}/enrollment-tokens", Role::viewer},
    {"GET", "/agent-profiles", Role::viewer},
    {"POST", "/agent-profiles", Role::viewer},
    {"PATCH", "/agent-profiles/{name}", Role::viewer},
    {"GET", "/registry-keys", Role::viewer},
    {"POST", "/registry-keys", Role::viewer},
    {"DELETE", "/registry-keys/{id}", Role::viewer},
    {"GET", "/spend-limit", Role::viewer},
    {"PUT", "/spend-limit", Role::viewer},
    {"GET", "/github/install-url", Role::viewer},
    {"GET", "/github/link-url", Role::viewer},
    {"GET", "/github/installation", Role::viewer},
    {"DELETE", "/github/installation", Role::viewer},
    {"GET", "/github/repositories", Role::viewer},
    {"GET", "/github/repositories/{owner}/{repo}/branches", Role::viewer},
    {"POST", "/services/{name}/environments/production/git", Role::viewer},
    {"DELETE", "/services/{name}/environments/production/git", Role::viewer},
    {"POST", "/services/{name}/environments/production/git/deploy", Role::viewer},
};

std::string_view without_family(std::string_view pattern) {
  for (const std::string_view family : {"/v1/organizations/{org}", "/v1"}) {
    if (pattern.starts_with(family)) return pattern.substr(family.size());
  }
  return pattern;
}

// How the actor gets a role. The commands run on the control plane's host.
std::string way_to(const Actor& actor, Role role) {
  switch (actor.kind) {
    case ActorKind::user:
      return fmt::format("`secret-control-plane member add {} --role {}` gives it that role.",
                         actor.name, to_string(role));
    case ActorKind::api_key:
      return fmt::format("Private API keys are members: use a token with the role {}.",
                         to_string(role));
    case ActorKind::token:
    case ActorKind::host:
    case ActorKind::credential:
    case ActorKind::unknown:
      break;
  }
  return fmt::format("`secret-control-plane token create NAME --role {}` makes a token with it.",
                     to_string(role));
}

}  // namespace

Role least_role(std::string_view method, std::string_view pattern) {
  const std::string_view path = without_family(pattern);
  const auto* const found = std::ranges::find_if(
      kRights, [&](const Right& right) { return right.method == method && right.path == path; });
  AGENT_SECRETS_ASSERT(found != std::end(kRights));
  return found->least;
}

Result<void> check_role(const Principal& principal, Role least) {
  const Actor& actor = principal.actor;
  if (actor.role >= least) return {};
  return fail(
      ErrorCode::forbidden,
      fmt::format("This needs the role {}. The role of {} {} in {} is {}. {}", to_string(least),
                  to_string(actor.kind), shown(actor.name), shown(principal.organization.name),
                  to_string(actor.role), way_to(actor, least)));
}

}  // namespace agent_secrets::control_plane
