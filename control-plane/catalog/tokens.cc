#include "control-plane/catalog/tokens.h"

#include <string>

#include <fmt/format.h>

#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/develop.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"
#include "core/clock.h"

namespace agent_secrets::control_plane {
namespace {

// Columns: id, name, user_name and organization (or ''), role, and the four times.
std::vector<Token> read_tokens(const Rows& rows) {
  std::vector<Token> tokens;
  for (const Row row : rows) {
    tokens.push_back({.id = row.integer("id"),
                      .name = row.text("name"),
                      .user = row.text("user_name"),
                      .organization = row.text("organization"),
                      .role = {},
                      .created_at = row.time("created_at"),
                      .expires_at = row.optional_time("expires_at"),
                      .last_used_at = row.optional_time("last_used_at"),
                      .revoked_at = row.optional_time("revoked_at")});
    if (tokens.back().user.empty()) tokens.back().role = parse_role(row.text("role"));
  }
  return tokens;
}

// `added`: the id of the new row, or no row.
Result<void> added_once(Transaction& tx, const Authority& authority, const Rows& added,
                        std::string_view name) {
  if (!added.empty()) {
    code_token(tx, authority, added.front().integer("id"));
    return {};
  }
  return fail(ErrorCode::conflict, fmt::format("Token {} already exists", shown(name)));
}

std::string object_of(std::string_view token) { return fmt::format("token {}", token); }

std::string expiry_text(std::optional<UnixMs> expires_at) {
  return expires_at ? ", expires " + format_timestamp(*expires_at) : "";
}

}  // namespace

Result<void> Tokens::add(const Actor& actor, std::int64_t organization_id, std::string_view name,
                         Role role, const BearerHash& hash, std::optional<UnixMs> expires_at) {
  if (auto ok = check_title("token name", name); !ok) return ok;
  return context_.database->write("add token", [&](Transaction& tx) -> Result<void> {
    if (auto found = organization_by_id(tx, organization_id, context_.authority); !found)
      return propagate(found);
    const UnixMs now = context_.clock.unix_time();
    tx.execute_later(
        "UPDATE tokens SET revoked_at = expires_at, code = NULL"
        " WHERE organization_id = ?1 AND user_id IS NULL"
        " AND revoked_at IS NULL AND expires_at <= ?2",
        organization_id, now);
    if (auto room = make_room_for_token(tx, organization_id); !room) return room;
    const Rows added = tx.query(
        "INSERT INTO tokens (organization_id, name, role, sha256, created_at, expires_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING RETURNING id",
        organization_id, name, to_string(role), hash, now, expires_at);
    record(tx, context_, actor,
           {.organization_id = organization_id,
            .action = "token.create",
            .object = object_of(name),
            .detail = fmt::format("role {}{}", to_string(role), expiry_text(expires_at))});
    return added_once(tx, context_.authority, added, name);
  });
}

Result<void> Tokens::add_for_user(const Actor& actor, std::int64_t user_id,
                                  std::optional<std::int64_t> organization_id,
                                  std::string_view name, const BearerHash& hash,
                                  std::optional<UnixMs> expires_at) {
  if (auto ok = check_title("token name", name); !ok) return ok;
  return context_.database->write("add token", [&](Transaction& tx) -> Result<void> {
    if (organization_id) {
      if (auto found = organization_by_id(tx, *organization_id, context_.authority); !found)
        return propagate(found);
    }
    const UnixMs now = context_.clock.unix_time();
    tx.execute_later(
        "UPDATE tokens SET revoked_at = expires_at, code = NULL WHERE user_id = ?1"
        " AND revoked_at IS NULL AND expires_at <= ?2",
        user_id, now);
    if (auto room = make_room_for_user_token(tx, user_id); !room) return room;
    const Rows added = tx.query(
        "INSERT INTO tokens (user_id, organization_id, name, sha256, created_at, expires_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING RETURNING id",
        user_id, organization_id, name, hash, now, expires_at);
    record(
        tx, context_, actor,
        {.organization_id = organization_id.value_or(0),
         .action = "token.create",
         .object = object_of(name),
         .detail = fmt::format("user {}{}", name_of_user(tx, user_id), expiry_text(expires_at))});
    return added_once(tx, context_.authority, added, name);
  });
}

Result<std::vector<Token>> Tokens::list(std::int64_t organization_id) {
  return context_.database->read("list tokens", [&](Transaction& tx) -> Result<std::vector<Token>> {
    return read_tokens(
        tx.query("SELECT t.id, t.name, coalesce(u.name, '') AS user_name,"
                 "       coalesce(o.name, '') AS organization, coalesce(t.role, '') AS role,"
                 "       t.created_at, t.expires_at, t.last_used_at, t.revoked_at"
                 "  FROM tokens t LEFT JOIN users u ON u.id = t.user_id"
                 "  LEFT JOIN organizations o ON o.id = t.organization_id"
                 "  LEFT JOIN memberships m ON m.user_id = t.user_id AND m.organization_id = ?1"
                 "  LEFT JOIN ended_memberships e"
                 "    ON e.user_id = t.user_id AND e.organization_id = ?1"
                 "   AND e.ended_at >= t.created_at"
                 " WHERE coalesce(t.organization_id, ?1) = ?1"
                 "   AND (t.user_id IS NULL OR m.user_id IS NOT NULL)"
                 "   AND (t.organization_id IS NOT NULL OR e.user_id IS NULL)"
                 " ORDER BY t.id",
                 organization_id));
  });
}

Result<std::vector<Token>> Tokens::list_of_user(std::int64_t user_id) {
  return context_.database->read("list tokens", [&](Transaction& tx) -> Result<std::vector<Token>> {
    return read_tokens(
        tx.query("SELECT t.id, t.name, u.name AS user_name, coalesce(o.name, '') AS organization,"
                 "       t.created_at, t.expires_at, t.last_used_at, t.revoked_at"
                 "  FROM tokens t JOIN users u ON u.id = t.user_id"
                 "  LEFT JOIN organizations o ON o.id = t.organization_id"
                 " WHERE t.user_id = ?1 ORDER BY t.id",
                 user_id));
  });
}

Result<void> Tokens::revoke(const Actor& actor, std::int64_t organization_id,
                            std::string_view name) {
  return context_.database->write_urgently("revoke token", [&](Transaction& tx) -> Result<void> {
    const UnixMs now = context_.clock.unix_time();
    const Rows revoked = tx.query(
        "UPDATE tokens SET revoked_at = ?1, code = NULL WHERE organization_id = ?2"
        " AND name = ?3 AND user_id IS NULL AND revoked_at IS NULL RETURNING id",
        now, organization_id, name);
    if (revoked.empty()) return fail(ErrorCode::not_found, "Not found");
    const Actor token{.kind = ActorKind::token,
                      .id = std::to_string(revoked.front().integer("id")),
                      .name = std::string(name)};
    end_keys_of(tx, organization_id, token, now);
    record(
        tx, context_, actor,
        {.organization_id = organization_id, .action = "token.revoke", .object = object_of(name)});
    return {};
  });
}

Result<void> Tokens::revoke_of_user(const Actor& actor, std::int64_t user_id,
                                    std::string_view name) {
  return context_.database->write_urgently("revoke token", [&](Transaction& tx) -> Result<void> {
    const UnixMs now = context_.clock.unix_time();
    const std::int64_t revoked = tx.execute(
        "UPDATE tokens SET revoked_at = ?1, code = NULL WHERE user_id = ?2"
        " AND name = ?3 AND revoked_at IS NULL",
        now, user_id, name);
    if (revoked != 1) return fail(ErrorCode::not_found, "Not found");
    end_keys_of(tx, std::nullopt, user_as_actor(tx, user_id), now);
    record(tx, context_, actor,
           {.action = "token.revoke",
            .object = object_of(name),
            .detail = fmt::format("user {}", name_of_user(tx, user_id))});
    return {};
  });
}

}  // namespace agent_secrets::control_plane
