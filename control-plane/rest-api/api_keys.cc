// API keys: only below an organization, where the CLI requests them. Members make and revoke public
// keys, as the CLI does. A private key is a member without a person, and stays live after the end
// of its maker's membership: only admins make, see and revoke it.
#include <algorithm>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/request_json.h"
#include "control-plane/rest-api/rest_api.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

bool is_admin(const Principal& principal) { return principal.actor.role >= Role::admin; }

json::object key_json(const ApiKey& key) {
  json::object row{{"id", key.id},
                   {"key", key.key},
                   {"createdAt", format_timestamp(key.created_at)},
                   {"revoked", key.revoked_at.has_value()},
                   {"metadata", json::object{{"name", key.name}}}};
  if (key.type == ApiKeyType::public_key) return row;
  row.erase("key");
  row["expiresAt"] = time_json(key.expires_at);
  row["lastUsedAt"] = time_json(key.last_used_at);
  return row;
}

// The keys that the caller may see.
Result<std::vector<ApiKey>> keys_of(const RestApi& api, const Principal& principal) {
  auto keys = api.catalog.api_keys.list(principal.organization.id);
  if (!keys) return propagate(keys, "list API keys");
  std::erase_if(*keys, [&](const ApiKey& key) {
    return key.type != ApiKeyType::public_key && !is_admin(principal);
  });
  return keys;
}

json::array rows_of(const std::vector<ApiKey>& keys, ApiKeyType type) {
  json::array rows;
  for (const ApiKey& key : keys) {
    if (key.type == type) rows.push_back(key_json(key));
  }
  return rows;
}

Result<Response> list_keys(const RestApi& api, const Request&, const Principal& principal) {
  auto keys = keys_of(api, principal);
  if (!keys) return propagate(keys);
  json::object body{{"public", rows_of(*keys, ApiKeyType::public_key)}};
  if (is_admin(principal)) body["private"] = rows_of(*keys, ApiKeyType::private_key);
  return json_response(body);
}

struct WantedKey {
  std::string name;
  ApiKeyType type = ApiKeyType::public_key;
  std::optional<UnixMs> expires_at;
};

// Body: {"name", "type": "public" or "private", "expiresIn"?}.
Result<WantedKey> parse_key(std::string_view body, const Clock& clock) {
  JsonDocument document(body, kAdminBody);
  const JsonObject root = document.root();
  const std::string_view type = root.text("type", limits::kTitleMax);
  if (!type.empty() && type != "public" && type != "private") {
    root.refuse("type", "neither public nor private");
  }
  WantedKey wanted{.name = std::string(root.text("name", limits::kTitleMax)),
                   .type = type == "private" ? ApiKeyType::private_key : ApiKeyType::public_key,
                   .expires_at = read_expiry(root, clock)};
  if (auto read = document.finish(); !read) return propagate(read);
  return wanted;
}

Result<Response> create_key(const RestApi& api, const Request& request,
                            const Principal& principal) {
  auto wanted = parse_key(request.body, api.clock);
  if (!wanted) return propagate(wanted);
  const bool is_private = wanted->type == ApiKeyType::private_key;
  if (is_private && !is_admin(principal)) {
    return fail(ErrorCode::forbidden, "Only an admin makes a private API key.");
  }
  const SecretBuffer text = mint_bearer(is_private ? kPrivateKeyPrefix : kPublicKeyPrefix);
  auto key = api.catalog.api_keys.add(principal.actor, principal.organization.id, wanted->name,
                                      wanted->type, text, wanted->expires_at);
  if (!key) return propagate(key);
  json::object body = key_json(*key);
  if (!is_private) return json_response(body, 201);
  api.log.info("a private API key is made", {{"organization", principal.organization.name},
                                             {"name", wanted->name},
                                             {"actor", describe(principal.actor)}});
  body["key"] = text.expose_text();
  return secret_response(body);
}

Result<Response> revoke_key(const RestApi& api, const Request& request,
                            const Principal& principal) {
  auto keys = keys_of(api, principal);
  if (!keys) return propagate(keys);
  const std::string& id = request.params.at("id");
  if (std::ranges::find(*keys, id, &ApiKey::id) == keys->end()) {
    return fail(ErrorCode::not_found, "API key not found");
  }
  auto revoked = api.catalog.api_keys.revoke(principal.actor, principal.organization.id, id);
  if (!revoked) return propagate(revoked);
  return json_response(json::object{{"status", "OK"}});
}

}  // namespace

void add_api_key_routes(Router& router, const RestApi& api) {
  const std::string keys = "/v1/organizations/{org}/apiKeys";
  add_single_route(router, api, "GET", keys, list_keys);
  add_single_route(router, api, "POST", keys, create_key);
  add_single_route(router, api, "DELETE", keys + "/{id}", revoke_key);
}

}  // namespace agent_secrets::control_plane
