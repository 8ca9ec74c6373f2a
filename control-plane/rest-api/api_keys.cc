// Public API keys: only below an organization, where the CLI requests them. Private keys are made,
// listed and revoked by the command, which needs the master key: a member must not be able to
// create a key that stays live after the end of the membership.
#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>

#include "control-plane/rest-api/errors.h"
#include "control-plane/rest-api/rest_api.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

json::object key_json(const ApiKey& key) {
  return {{"id", key.id},
          {"key", key.key},
          {"createdAt", format_timestamp(key.created_at)},
          {"revoked", key.revoked_at.has_value()},
          {"metadata", json::object{{"name", key.name}}}};
}

Result<std::vector<ApiKey>> public_keys(const RestApi& api, const Principal& principal) {
  auto keys = api.catalog.api_keys.list(principal.organization.id);
  if (!keys) return propagate(keys, "list API keys");
  std::erase_if(*keys, [](const ApiKey& key) { return key.type != ApiKeyType::public_key; });
  return keys;
}

Result<Response> list_keys(const RestApi& api, const Request&, const Principal& principal) {
  auto keys = public_keys(api, principal);
  if (!keys) return propagate(keys);
  json::array rows;
  for (const ApiKey& key : *keys) rows.push_back(key_json(key));
  return json_response(json::object{{"public", std::move(rows)}});
}

// Body: {"name", "type": "public"}.
Result<std::string> parse_name(const Request& request) {
  boost::system::error_code error;
  const json::value body = json::parse({request.body.data(), request.body.size()}, error);
  const json::object* object = error ? nullptr : body.if_object();
  if (object == nullptr) return fail(ErrorCode::invalid, "The request body must be a JSON object");
  const json::value* type = object->if_contains("type");
  if (type == nullptr || *type != "public") {
    return fail(ErrorCode::invalid,
                "The type must be public. Private API keys are made with `secret-control-plane "
                "api-key create`.");
  }
  const json::value* name = object->if_contains("name");
  if (name == nullptr || !name->is_string()) {
    return fail(ErrorCode::invalid, "An API key needs a name");
  }
  return json::value_to<std::string>(*name);
}

Result<Response> create_key(const RestApi& api, const Request& request,
                            const Principal& principal) {
  auto name = parse_name(request);
  if (!name) return propagate(name);
  auto key = api.catalog.api_keys.add(principal.actor, principal.organization.id, *name,
                                      ApiKeyType::public_key, mint_bearer(kPublicKeyPrefix));
  if (!key) return propagate(key);
  return json_response(key_json(*key), 201);
}

Result<Response> revoke_key(const RestApi& api, const Request& request,
                            const Principal& principal) {
  auto keys = public_keys(api, principal);
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
