// Whom a bearer speaks for: what every request of the REST API asks first.
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {

std::optional<Identity> SqliteCatalog::find_token_identity(const BearerHash& hash) {
  auto row = db_.query(
      "SELECT coalesce(u.name, t.name), coalesce(u.email, ''), coalesce(t.user_id, 0),"
      "       coalesce(t.organization_id, 0), coalesce(t.role, '')"
      "  FROM tokens t LEFT JOIN users u ON u.id = t.user_id"
      " WHERE t.sha256 = ? AND t.revoked_at IS NULL",
      std::span<const std::uint8_t>(hash));
  if (!row.step()) return std::nullopt;
  Identity identity{.name = row.text(0), .email = row.text(1), .reaches = {}};
  if (const std::int64_t user = row.integer(2); user != 0) {
    identity.reaches = read_memberships(user, row.integer(3));
  } else if (auto organization = organization_by_id(row.integer(3)); organization) {
    identity.reaches.push_back(
        {.organization = std::move(*organization), .role = parse_role(row.text(4))});
  }
  return identity;
}

std::optional<Identity> SqliteCatalog::find_private_key_identity(const BearerHash& hash) {
  auto row = db_.query(
      "SELECT name, organization_id FROM api_keys"
      " WHERE sha256 = ? AND type = 'private' AND revoked_at IS NULL",
      std::span<const std::uint8_t>(hash));
  if (!row.step()) return std::nullopt;
  Identity identity{.name = row.text(0), .email = {}, .reaches = {}};
  if (auto organization = organization_by_id(row.integer(1)); organization) {
    identity.reaches.push_back({.organization = std::move(*organization), .role = Role::member});
  }
  return identity;
}

Result<std::optional<Identity>> SqliteCatalog::find_identity(const BearerHash& hash) {
  return db_.read("find an identity", [&]() -> Result<std::optional<Identity>> {
    auto identity = find_token_identity(hash);
    return identity ? std::move(identity) : find_private_key_identity(hash);
  });
}

Result<bool> SqliteCatalog::is_live_public_key(const BearerHash& hash) {
  return db_.read("find a public key", [&]() -> Result<bool> {
    auto row = db_.query(
        "SELECT 1 FROM api_keys WHERE sha256 = ? AND type = 'public' AND revoked_at IS NULL",
        std::span<const std::uint8_t>(hash));
    return row.step();
  });
}

}  // namespace agent_secrets::control_plane
