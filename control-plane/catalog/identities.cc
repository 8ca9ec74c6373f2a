#include "control-plane/catalog/identities.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"

namespace agent_secrets::control_plane {

namespace {

std::optional<Identity> find_token_identity(Transaction& tx, const Authority& authority,
                                            const BearerHash& hash, UnixMs now) {
  // Most tokens are organization tokens. Sending this query with the next one saves a round trip.
  auto organization = tx.query_later(
      "SELECT o.id, o.name, o.verbose_name, o.default_region, o.members_develop, o.code"
      "  FROM tokens t"
      " JOIN organizations o ON o.id = t.organization_id"
      " WHERE t.sha256 = ?1 AND t.user_id IS NULL AND o.removed_at IS NULL",
      hash);
  const Rows rows = tx.query(
      "SELECT t.id, t.user_id, t.organization_id, t.name, t.role, t.sha256, t.created_at,"
      "       t.expires_at, t.code, coalesce(u.name, t.name) AS actor,"
      "       coalesce(u.email, '') AS email"
      "  FROM tokens t LEFT JOIN users u ON u.id = t.user_id"
      " WHERE t.sha256 = ?1 AND t.revoked_at IS NULL"
      "   AND (t.expires_at IS NULL OR t.expires_at > ?2)",
      hash, now);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  if (!authority.accepts(coded_token(row), stored_code(row))) return std::nullopt;
  const std::int64_t user = row.optional_integer("user_id").value_or(0);
  Identity identity{.actor = {.kind = user != 0 ? ActorKind::user : ActorKind::token,
                              .id = std::to_string(user != 0 ? user : row.integer("id")),
                              .name = row.text("actor")},
                    .email = row.text("email"),
                    .reaches = {}};
  if (user != 0) {
    identity.reaches = memberships_of_token(
        tx, authority, user, row.optional_integer("organization_id"), row.time("created_at"));
  } else if (!organization.get().empty()) {
    const Row reached = organization.get().front();
    if (!authority.accepts(coded_organization(reached), stored_code(reached))) return std::nullopt;
    identity.reaches.push_back(
        {.organization = read_organization(reached), .role = parse_role(row.text("role"))});
  }
  return identity;
}

std::optional<Identity> find_private_key_identity(Transaction& tx, const Authority& authority,
                                                  const BearerHash& hash, UnixMs now) {
  const Rows rows = tx.query(
      "SELECT id, organization_id, name, type, sha256, created_at, expires_at, code FROM api_keys"
      " WHERE sha256 = ?1 AND type = 'private' AND revoked_at IS NULL"
      "   AND (expires_at IS NULL OR expires_at > ?2)",
      hash, now);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  if (!authority.accepts(coded_api_key(row), stored_code(row))) return std::nullopt;
  Identity identity{
      .actor = {.kind = ActorKind::api_key, .id = row.text("id"), .name = row.text("name")},
      .email = {},
      .reaches = {}};
  auto organization = organization_by_id(tx, row.integer("organization_id"), authority);
  if (organization) {
    identity.reaches.push_back({.organization = std::move(*organization), .role = Role::member});
  }
  return identity;
}

}  // namespace

Result<std::optional<Identity>> Identities::find(const BearerHash& hash) {
  const UnixMs now = context_.clock.unix_time();
  auto found = context_.database->read(
      "find an identity", [&](Transaction& tx) -> Result<std::optional<Identity>> {
        auto identity = find_token_identity(tx, context_.authority, hash, now);
        return identity ? std::move(identity)
                        : find_private_key_identity(tx, context_.authority, hash, now);
      });
  if (found && *found) {
    const bool is_key = (*found)->actor.kind == ActorKind::api_key;
    record_use(is_key ? Table::api_keys : Table::tokens, hash);
  }
  return found;
}

Result<bool> Identities::is_live_public_key(const BearerHash& hash) {
  const UnixMs now = context_.clock.unix_time();
  auto live = context_.database->read("find a public key", [&](Transaction& tx) -> Result<bool> {
    const Rows rows = tx.query(
        "SELECT id, organization_id, name, type, sha256, created_at, expires_at, code"
        "  FROM api_keys WHERE sha256 = ?1 AND type = 'public' AND revoked_at IS NULL"
        "   AND (expires_at IS NULL OR expires_at > ?2)",
        hash, now);
    return std::ranges::any_of(rows, [&](const Row& row) {
      return context_.authority.accepts(coded_api_key(row), stored_code(row));
    });
  });
  if (live && *live) record_use(Table::api_keys, hash);
  return live;
}

// The condition on last_used_at: another process may have recorded the hour.
void Identities::record_use(Table table, const BearerHash& hash) {
  const UnixMs hour = std::chrono::floor<std::chrono::hours>(context_.clock.unix_time());
  if (!is_first_use(hash, hour)) return;
  const auto recorded =
      context_.database->write("record a use", [&](Transaction& tx) -> Result<void> {
        if (table == Table::tokens) {
          tx.execute(
              "UPDATE tokens SET last_used_at = ?1"
              " WHERE sha256 = ?2 AND coalesce(last_used_at, 0) < ?1",
              hour, hash);
        } else {
          tx.execute(
              "UPDATE api_keys SET last_used_at = ?1"
              " WHERE sha256 = ?2 AND coalesce(last_used_at, 0) < ?1",
              hour, hash);
        }
        return {};
      });
  (void)recorded;
}

bool Identities::is_first_use(const BearerHash& hash, UnixMs hour) {
  const std::scoped_lock lock(mutex_);
  if (hour != hour_) used_.clear();
  hour_ = hour;
  return used_.insert(hash).second;
}

}  // namespace agent_secrets::control_plane
