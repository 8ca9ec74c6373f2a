#include "control-plane/commands/api_key.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

std::string keys_json(const std::vector<ApiKey>& keys) {
  json::array rows;
  for (const ApiKey& key : keys) {
    rows.push_back(
        json::object{{"id", key.id},
                     {"name", key.name},
                     {"type", std::string(to_string(key.type))},
                     {"key", key.key.empty() ? json::value(nullptr) : json::value(key.key)},
                     {"createdAt", format_timestamp(key.created_at)},
                     {"revokedAt", key.revoked_at ? json::value(format_timestamp(*key.revoked_at))
                                                  : json::value(nullptr)}});
  }
  return json_line(rows);
}

std::string keys_table(const std::vector<ApiKey>& keys) {
  std::vector<TableRow> rows{{"ID", "NAME", "TYPE", "KEY", "CREATED", "REVOKED"}};
  for (const ApiKey& key : keys) {
    rows.push_back({key.id, key.name, std::string(to_string(key.type)), or_dash(key.key),
                    format_timestamp(key.created_at), format_or_dash(key.revoked_at)});
  }
  return format_table(rows);
}

}  // namespace

Result<void> create_api_key(const ApiKeyCreateOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  const bool is_private = options.type == to_string(ApiKeyType::private_key);
  const SecretBuffer key = mint_bearer(is_private ? kPrivateKeyPrefix : kPublicKeyPrefix);
  auto added = stores->catalog->api_keys.add(
      organization->id, options.name, is_private ? ApiKeyType::private_key : ApiKeyType::public_key,
      key);
  if (!added) return propagate(added, "create API key");
  return print_secret_line(key);
}

Result<void> list_api_keys(const ApiKeyListOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto keys = stores->catalog->api_keys.list(organization->id);
  if (!keys) return propagate(keys);
  return print(options.json ? keys_json(*keys) : keys_table(*keys));
}

Result<void> revoke_api_key(const ApiKeyRevokeOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto revoked = stores->catalog->api_keys.revoke(organization->id, options.id);
  if (!revoked) return propagate(revoked, "revoke API key '" + options.id + "'");
  note("API key '" + options.id + "' is refused from now on");
  return {};
}

}  // namespace agent_secrets::control_plane
