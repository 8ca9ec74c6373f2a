// Tokens: only their SHA-256 is here.
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

// Of "SELECT t.id, t.name, u.name, o.name, t.role, t.created_at, t.revoked_at".
std::vector<Token> read_tokens(SqliteQuery rows) {
  std::vector<Token> tokens;
  while (rows.step()) {
    tokens.push_back({.id = rows.integer(0),
                      .name = rows.text(1),
                      .user = rows.text(2),
                      .organization = rows.text(3),
                      .role = {},
                      .created_at = rows.time(5),
                      .revoked_at = rows.optional_time(6)});
    if (tokens.back().user.empty()) tokens.back().role = parse_role(rows.text(4));
  }
  return tokens;
}

Result<void> added_once(int rows, std::string_view name) {
  if (rows == 1) return {};
  return fail(ErrorCode::conflict, fmt::format("Token {} already exists", shown(name)));
}

Result<void> revoked_once(int rows) {
  if (rows == 1) return {};
  return fail(ErrorCode::not_found, "Not found");
}

}  // namespace

Result<void> SqliteCatalog::add_token(std::int64_t organization_id, std::string_view name,
                                      Role role, const BearerHash& hash) {
  if (auto ok = check_title("token name", name); !ok) return ok;
  return db_.write("add token", [&]() -> Result<void> {
    if (auto found = organization_by_id(organization_id); !found) return propagate(found);
    if (auto room = make_room_for_token(organization_id); !room) return room;
    const int added = db_.query(
                             "INSERT INTO tokens (organization_id, name, role, sha256, created_at)"
                             " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                             organization_id, name, to_string(role),
                             std::span<const std::uint8_t>(hash), clock_.unix_time())
                          .run();
    return added_once(added, name);
  });
}

Result<void> SqliteCatalog::add_user_token(std::int64_t user_id,
                                           std::optional<std::int64_t> organization_id,
                                           std::string_view name, const BearerHash& hash) {
  if (auto ok = check_title("token name", name); !ok) return ok;
  return db_.write("add token", [&]() -> Result<void> {
    if (organization_id) {
      if (auto found = organization_by_id(*organization_id); !found) return propagate(found);
    }
    if (auto room = make_room_for_user_token(user_id); !room) return room;
    const int added =
        db_.query(
               "INSERT INTO tokens (user_id, organization_id, name, sha256, created_at)"
               " VALUES (?, NULLIF(?, 0), ?, ?, ?) ON CONFLICT DO NOTHING",
               user_id, organization_id.value_or(kAnyOrganization), name,
               std::span<const std::uint8_t>(hash), clock_.unix_time())
            .run();
    return added_once(added, name);
  });
}

Result<std::vector<Token>> SqliteCatalog::list_tokens(std::int64_t organization_id) {
  return db_.read("list tokens", [&]() -> Result<std::vector<Token>> {
    return read_tokens(db_.query(
        "SELECT t.id, t.name, coalesce(u.name, ''), coalesce(o.name, ''), coalesce(t.role, ''),"
        "       t.created_at, t.revoked_at"
        "  FROM tokens t LEFT JOIN users u ON u.id = t.user_id"
        "  LEFT JOIN organizations o ON o.id = t.organization_id"
        "  LEFT JOIN memberships m ON m.user_id = t.user_id AND m.organization_id = ?1"
        " WHERE coalesce(t.organization_id, ?1) = ?1"
        "   AND (t.user_id IS NULL OR m.user_id IS NOT NULL)"
        " ORDER BY t.id",
        organization_id));
  });
}

Result<std::vector<Token>> SqliteCatalog::list_user_tokens(std::int64_t user_id) {
  return db_.read("list tokens", [&]() -> Result<std::vector<Token>> {
    return read_tokens(db_.query(
        "SELECT t.id, t.name, u.name, coalesce(o.name, ''), '', t.created_at, t.revoked_at"
        "  FROM tokens t JOIN users u ON u.id = t.user_id"
        "  LEFT JOIN organizations o ON o.id = t.organization_id"
        " WHERE t.user_id = ? ORDER BY t.id",
        user_id));
  });
}

Result<void> SqliteCatalog::revoke_token(std::int64_t organization_id, std::string_view name) {
  return db_.write_urgently("revoke token", [&]() -> Result<void> {
    return revoked_once(db_.query("UPDATE tokens SET revoked_at = ? WHERE organization_id = ?"
                                  " AND name = ? AND user_id IS NULL AND revoked_at IS NULL",
                                  clock_.unix_time(), organization_id, name)
                            .run());
  });
}

Result<void> SqliteCatalog::revoke_user_token(std::int64_t user_id, std::string_view name) {
  return db_.write_urgently("revoke token", [&]() -> Result<void> {
    return revoked_once(db_.query("UPDATE tokens SET revoked_at = ? WHERE user_id = ?"
                                  " AND name = ? AND revoked_at IS NULL",
                                  clock_.unix_time(), user_id, name)
                            .run());
  });
}

}  // namespace agent_secrets::control_plane
