#include "control-plane/catalog/api_keys.h"

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/bearer.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/organizations.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/uuid.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {

std::string_view to_string(ApiKeyType type) {
  return type == ApiKeyType::private_key ? "private" : "public";
}

Result<ApiKey> ApiKeys::add(const Actor& actor, std::int64_t organization_id, std::string_view name,
                            ApiKeyType type, const SecretBuffer& key,
                            std::optional<UnixMs> expires_at) {
  if (auto ok = check_title("API key name", name); !ok) return propagate(ok);
  return context_.database->write("add API key", [&](Transaction& tx) -> Result<ApiKey> {
    if (auto found = organization_by_id(tx, organization_id, context_.authority); !found)
      return propagate(found);
    const UnixMs now = context_.clock.unix_time();
    tx.execute_later(
        "UPDATE api_keys SET revoked_at = expires_at, code = NULL WHERE organization_id = ?1"
        " AND revoked_at IS NULL AND expires_at <= ?2",
        organization_id, now);
    if (auto ok = make_room_for_api_key(tx, organization_id, type); !ok) return propagate(ok);
    ApiKey added{.id = random_uuid(),
                 .name = std::string(name),
                 .type = type,
                 .key = {},
                 .created_at = now,
                 .expires_at = expires_at,
                 .last_used_at = {},
                 .revoked_at = {}};
    if (type == ApiKeyType::public_key) added.key = key.expose_text();
    tx.execute(
        "INSERT INTO api_keys"
        " (id, organization_id, name, type, key, sha256, created_at, expires_at)"
        " VALUES (?1, ?2, ?3, ?4, NULLIF(?5, ''), ?6, ?7, ?8)",
        added.id, organization_id, name, to_string(type), added.key, hash_bearer(key.expose_text()),
        added.created_at, expires_at);
    code_api_key(tx, context_.authority, added.id);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "api-key.create",
            .object = fmt::format("API key {}", added.id),
            .detail = fmt::format("name {}, {}{}", name, to_string(type),
                                  expires_at ? ", expires " + format_timestamp(*expires_at) : "")});
    return added;
  });
}

Result<std::vector<ApiKey>> ApiKeys::list(std::int64_t organization_id) {
  return context_.database->read(
      "list API keys", [&](Transaction& tx) -> Result<std::vector<ApiKey>> {
        std::vector<ApiKey> keys;
        for (const Row row : tx.query("SELECT id, name, type, coalesce(key, '') AS key, "
                                      "created_at, expires_at, last_used_at, revoked_at"
                                      "  FROM api_keys"
                                      " WHERE organization_id = ?1 ORDER BY rowid",
                                      organization_id)) {
          keys.push_back({.id = row.text("id"),
                          .name = row.text("name"),
                          .type = row.text("type") == "private" ? ApiKeyType::private_key
                                                                : ApiKeyType::public_key,
                          .key = row.text("key"),
                          .created_at = row.time("created_at"),
                          .expires_at = row.optional_time("expires_at"),
                          .last_used_at = row.optional_time("last_used_at"),
                          .revoked_at = row.optional_time("revoked_at")});
        }
        return keys;
      });
}

Result<void> ApiKeys::revoke(const Actor& actor, std::int64_t organization_id,
                             std::string_view id) {
  return context_.database->write_urgently("revoke API key", [&](Transaction& tx) -> Result<void> {
    const UnixMs now = context_.clock.unix_time();
    const Rows found = tx.query(
        "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?1), code = NULL"
        " WHERE organization_id = ?2 AND id = ?3 RETURNING name",
        now, organization_id, id);
    if (found.empty()) return fail(ErrorCode::not_found, "API key not found");
    const Actor key{
        .kind = ActorKind::api_key, .id = std::string(id), .name = found.front().text("name")};
    end_keys_of(tx, organization_id, key, now);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "api-key.revoke",
            .object = fmt::format("API key {}", id)});
    return {};
  });
}

}  // namespace agent_secrets::control_plane
