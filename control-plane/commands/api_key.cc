// `api-key create | list | revoke`: an organization's keys, for programs.

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control-plane/commands/admin.h"
#include "control-plane/commands/declarations.h"
#include "control-plane/commands/groups.h"

namespace agent_secrets::control_plane {
namespace {

namespace json = boost::json;

struct CreateApiKeyOptions {
  DataOptions data;
  std::string organization;
  std::string name;
  std::string type;
  std::uint64_t expires_s = 0;  // 0: never
};

struct ListApiKeysOptions {
  DataOptions data;
  std::string organization;
  bool json = false;
};

struct RevokeApiKeyOptions {
  DataOptions data;
  std::string organization;
  std::string id;
};

std::string keys_json(const std::vector<ApiKey>& keys) {
  json::array rows;
  for (const ApiKey& key : keys) {
    rows.push_back(
        json::object{{"id", key.id},
                     {"name", key.name},
                     {"type", std::string(to_string(key.type))},
                     {"key", key.key.empty() ? json::value(nullptr) : json::value(key.key)},
                     {"createdAt", format_timestamp(key.created_at)},
                     {"expiresAt", time_or_null(key.expires_at)},
                     {"lastUsedAt", time_or_null(key.last_used_at)},
                     {"revokedAt", time_or_null(key.revoked_at)}});
  }
  return json_line(rows);
}

std::string keys_table(const std::vector<ApiKey>& keys) {
  std::vector<TableRow> rows{
      {"ID", "NAME", "TYPE", "KEY", "CREATED", "EXPIRES", "LAST USED", "REVOKED"}};
  for (const ApiKey& key : keys) {
    rows.push_back({key.id, key.name, std::string(to_string(key.type)), or_dash(key.key),
                    format_timestamp(key.created_at), format_or_dash(key.expires_at),
                    format_or_dash(key.last_used_at), format_or_dash(key.revoked_at)});
  }
  return format_table(rows);
}

Result<void> create_api_key(const CreateApiKeyOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  const bool is_private = options.type == to_string(ApiKeyType::private_key);
  const SecretBuffer key = mint_bearer(is_private ? kPrivateKeyPrefix : kPublicKeyPrefix);
  auto added =
      stores->catalog->api_keys.add(host_actor(), organization->id, options.name,
                                    is_private ? ApiKeyType::private_key : ApiKeyType::public_key,
                                    key, expiry_after(options.expires_s, clock));
  if (!added) return propagate(added, "create API key");
  return print_secret_line(key);
}

Result<void> list_api_keys(const ListApiKeysOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto keys = stores->catalog->api_keys.list(organization->id);
  if (!keys) return propagate(keys);
  return print(options.json ? keys_json(*keys) : keys_table(*keys));
}

Result<void> revoke_api_key(const RevokeApiKeyOptions& options, const Clock& clock) {
  auto stores = open_data(options.data, clock);
  if (!stores) return propagate(stores);
  auto organization = choose_organization(*stores->catalog, options.organization);
  if (!organization) return propagate(organization);
  auto revoked = stores->catalog->api_keys.revoke(host_actor(), organization->id, options.id);
  if (!revoked) return propagate(revoked, "revoke API key '" + options.id + "'");
  note("API key '" + options.id + "' is refused from now on");
  return {};
}

}  // namespace

void declare_api_key(const Declarations& declare) {
  const Declarations group = declare.group(
      "api-key", "Manage API keys of an organization, for programs",
      {.examples = {{"secret-control-plane api-key create backend --type private",
                     "Make a key for the REST API"},
                    {"secret-control-plane api-key list", "Print the keys and their ids"}}});

  const auto create = group.command(
      "create", "Make a key, and print it; a private key can be printed only once", create_api_key);
  create.argument("name", create->name, "what the key is for");
  create
      .choice("--type", create->type, {"private", "public"},
              "private: the REST API, with the rights of a member; public: starting sessions")
      .required();
  add_expires(create);
  add_organization(create);

  const auto list =
      group.command("list", "Print all keys, but no private key itself", list_api_keys);
  add_json(list);
  add_organization(list);

  const auto revoke = group.command("revoke", "Refuse a key from now on", revoke_api_key);
  revoke.argument("id", revoke->id, "the id that `api-key list` shows");
  add_organization(revoke);
}

}  // namespace agent_secrets::control_plane
