// API keys of organizations.
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"
#include "control-plane/catalog/uuid.h"

namespace agent_secrets::control_plane {

std::string_view to_string(ApiKeyType type) {
  return type == ApiKeyType::private_key ? "private" : "public";
}

Result<ApiKey> SqliteCatalog::add_api_key(std::int64_t organization_id, std::string_view name,
                                          ApiKeyType type, const SecretBuffer& key) {
  if (auto ok = check_title("API key name", name); !ok) return propagate(ok);
  return db_.write("add API key", [&]() -> Result<ApiKey> {
    if (auto found = organization_by_id(organization_id); !found) return propagate(found);
    if (auto ok = make_room_for_api_key(organization_id, type); !ok) return propagate(ok);
    ApiKey added{.id = random_uuid(),
                 .name = std::string(name),
                 .type = type,
                 .key = {},
                 .created_at = clock_.unix_time(),
                 .revoked_at = {}};
    if (type == ApiKeyType::public_key) added.key = key.expose_text();
    db_.query(
           "INSERT INTO api_keys (id, organization_id, name, type, key, sha256, created_at)"
           " VALUES (?, ?, ?, ?, NULLIF(?, ''), ?, ?)",
           added.id, organization_id, name, to_string(type), added.key,
           std::span<const std::uint8_t>(hash_bearer(key.expose_text())), added.created_at)
        .run();
    return added;
  });
}

Result<std::vector<ApiKey>> SqliteCatalog::list_api_keys(std::int64_t organization_id) {
  return db_.read("list API keys", [&]() -> Result<std::vector<ApiKey>> {
    auto rows = db_.query(
        "SELECT id, name, type, coalesce(key, ''), created_at, revoked_at FROM api_keys"
        " WHERE organization_id = ? ORDER BY rowid",
        organization_id);
    std::vector<ApiKey> keys;
    while (rows.step()) {
      keys.push_back(
          {.id = rows.text(0),
           .name = rows.text(1),
           .type = rows.text(2) == "private" ? ApiKeyType::private_key : ApiKeyType::public_key,
           .key = rows.text(3),
           .created_at = rows.time(4),
           .revoked_at = rows.optional_time(5)});
    }
    return keys;
  });
}

Result<void> SqliteCatalog::revoke_api_key(std::int64_t organization_id, std::string_view id) {
  return db_.write_urgently("revoke API key", [&]() -> Result<void> {
    const int found = db_.query(
                             "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?)"
                             " WHERE organization_id = ? AND id = ?",
                             clock_.unix_time(), organization_id, id)
                          .run();
    if (found == 1) return {};
    return fail(ErrorCode::not_found, "API key not found");
  });
}

}  // namespace agent_secrets::control_plane
