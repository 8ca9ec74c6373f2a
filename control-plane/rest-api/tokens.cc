// Tokens of an organization, for its admins. A user's token that reaches several organizations is
// shown, and not revoked here: an admin of one organization does not change another's.
#include <algorithm>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/request_json.h"
#include "control-plane/rest-api/rest_api.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::object token_json(const Token& token) {
  json::object row{{"id", std::to_string(token.id)},
                   {"name", token.name},
                   {"createdAt", format_timestamp(token.created_at)},
                   {"expiresAt", time_json(token.expires_at)},
                   {"lastUsedAt", time_json(token.last_used_at)},
                   {"revokedAt", time_json(token.revoked_at)}};
  if (token.role) row["role"] = to_string(*token.role);
  if (!token.user.empty()) row["user"] = token.user;
  return row;
}

Result<Response> list_tokens(const RestApi& api, const Request&, const Principal& principal) {
  auto tokens = api.catalog.tokens.list(principal.organization.id);
  if (!tokens) return propagate(tokens, "list tokens");
  json::array rows;
  for (const Token& token : *tokens) rows.push_back(token_json(token));
  return json_response(json::object{{"tokens", std::move(rows)}});
}

struct WantedToken {
  std::string name;
  Role role = Role::member;
  std::optional<UnixMs> expires_at;
};

// Body: {"name", "role"?, "expiresIn"?}. Without a role, a member's token.
Result<WantedToken> parse_token(std::string_view body, const Clock& clock) {
  JsonDocument document(body, kAdminBody);
  const JsonObject root = document.root();
  WantedToken wanted{.name = std::string(root.text("name", limits::kTitleMax)),
                     .role = read_role(root, Role::member),
                     .expires_at = read_expiry(root, clock)};
  if (auto read = document.finish(); !read) return propagate(read);
  return wanted;
}

Result<Response> create_token(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto wanted = parse_token(request.body, api.clock);
  if (!wanted) return propagate(wanted);
  const SecretBuffer token = mint_bearer(kTokenPrefix);
  auto added =
      api.catalog.tokens.add(principal.actor, principal.organization.id, wanted->name, wanted->role,
                             hash_bearer(token.expose_text()), wanted->expires_at);
  if (!added) return propagate(added);
  api.log.info("a token is made", {{"organization", principal.organization.name},
                                   {"name", wanted->name},
                                   {"role", to_string(wanted->role)},
                                   {"actor", describe(principal.actor)}});
  return secret_response(json::object{{"name", wanted->name},
                                      {"role", to_string(wanted->role)},
                                      {"expiresAt", time_json(wanted->expires_at)},
                                      {"token", token.expose_text()}});
}

Result<void> revoke(const RestApi& api, const Principal& principal, const Token& token) {
  if (token.user.empty()) {
    return api.catalog.tokens.revoke(principal.actor, principal.organization.id, token.name);
  }
  if (token.organization != principal.organization.name) {
    return fail(ErrorCode::conflict,
                fmt::format("This token of user {} reaches all organizations of that user. Remove "
                            "the member instead.",
                            shown(token.user)));
  }
  auto user = api.catalog.users.find(token.user);
  if (!user) return propagate(user);
  if (!*user) return fail(ErrorCode::not_found, "Token not found");
  return api.catalog.tokens.revoke_of_user(principal.actor, (*user)->id, token.name);
}

Result<Response> revoke_token(const RestApi& api, const Request& request,
                              const Principal& principal) {
  auto tokens = api.catalog.tokens.list(principal.organization.id);
  if (!tokens) return propagate(tokens, "list tokens");
  const auto found = std::ranges::find_if(*tokens, [&](const Token& token) {
    return std::to_string(token.id) == request.params.at("id");
  });
  if (found == tokens->end()) return fail(ErrorCode::not_found, "Token not found");
  if (!found->revoked_at) {
    if (auto revoked = revoke(api, principal, *found); !revoked) return propagate(revoked);
    api.log.info("a token is revoked", {{"organization", principal.organization.name},
                                        {"name", found->name},
                                        {"actor", describe(principal.actor)}});
  }
  return json_response(json::object{{"status", "OK"}});
}

}  // namespace

void add_token_routes(Router& router, const RestApi& api) {
  const std::string tokens = "/v1/organizations/{org}/tokens";
  add_single_route(router, api, "GET", tokens, list_tokens);
  add_single_route(router, api, "POST", tokens, create_token);
  add_single_route(router, api, "DELETE", tokens + "/{id}", revoke_token);
}

}  // namespace agent_secrets::control_plane
