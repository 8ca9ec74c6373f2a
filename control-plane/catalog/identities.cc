#include "control-plane/catalog/identities.h"

#include <utility>

#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

namespace {

std::optional<Identity> find_token_identity(Transaction& tx, const BearerHash& hash) {
  // Most tokens are organization tokens. Sending this query with the next one saves a round trip.
  auto organization = tx.query_later(
      "SELECT o.id, o.name, o.verbose_name, o.default_region FROM tokens t"
      " JOIN organizations o ON o.id = t.organization_id"
      " WHERE t.sha256 = ?1 AND t.user_id IS NULL AND o.removed_at IS NULL",
      hash);
  const Rows rows = tx.query(
      "SELECT coalesce(u.name, t.name) AS name, coalesce(u.email, '') AS email,"
      "       coalesce(t.user_id, 0) AS user_id, t.organization_id,"
      "       coalesce(t.role, '') AS role"
      "  FROM tokens t LEFT JOIN users u ON u.id = t.user_id"
      " WHERE t.sha256 = ?1 AND t.revoked_at IS NULL",
      hash);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  Identity identity{.name = row.text("name"), .email = row.text("email"), .reaches = {}};
  if (const std::int64_t user = row.integer("user_id"); user != 0) {
    identity.reaches = read_memberships(tx, user, row.optional_integer("organization_id"));
  } else if (!organization.get().empty()) {
    identity.reaches.push_back({.organization = read_organization(organization.get().front()),
                                .role = parse_role(row.text("role"))});
  }
  return identity;
}

std::optional<Identity> find_private_key_identity(Transaction& tx, const BearerHash& hash) {
  const Rows rows = tx.query(
      "SELECT name, organization_id FROM api_keys"
      " WHERE sha256 = ?1 AND type = 'private' AND revoked_at IS NULL",
      hash);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  Identity identity{.name = row.text("name"), .email = {}, .reaches = {}};
  if (auto organization = organization_by_id(tx, row.integer("organization_id")); organization) {
    identity.reaches.push_back({.organization = std::move(*organization), .role = Role::member});
  }
  return identity;
}

}  // namespace

Result<std::optional<Identity>> Identities::find(const BearerHash& hash) {
  return context_.database->read(
      "find an identity", [&](Transaction& tx) -> Result<std::optional<Identity>> {
        auto identity = find_token_identity(tx, hash);
        return identity ? std::move(identity) : find_private_key_identity(tx, hash);
      });
}

Result<bool> Identities::is_live_public_key(const BearerHash& hash) {
  return context_.database->read("find a public key", [&](Transaction& tx) -> Result<bool> {
    const Rows rows = tx.query(
        "SELECT 1 FROM api_keys WHERE sha256 = ?1 AND type = 'public' AND revoked_at IS NULL",
        hash);
    return !rows.empty();
  });
}

}  // namespace agent_secrets::control_plane
