// Tokens: only their SHA-256 is here.
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

Role parse_role(std::string_view text) { return text == "admin" ? Role::admin : Role::member; }

Token read_token(const SqliteQuery& row) {
  return {.id = row.integer(0),
          .name = row.text(1),
          .role = parse_role(row.text(2)),
          .created_at = row.time(3),
          .revoked_at = row.optional_time(4)};
}

Result<void> check_token_name(std::string_view name) {
  const bool printable = name == name.substr(0, limits::kWireName) &&
                         name.find_first_of(std::string_view("[]\r\n\t\0", 6)) == name.npos;
  if (!name.empty() && printable) return {};
  return fail(ErrorCode::invalid, fmt::format("Invalid token name {}", shown(name)));
}

}  // namespace

Result<Token> SqliteCatalog::add_token(std::int64_t organization_id, std::string_view name,
                                       Role role, std::span<const std::uint8_t, 32> sha256) {
  if (auto ok = check_token_name(name); !ok) return propagate(ok);
  return db_.write("add token", [&]() -> Result<Token> {
    const UnixMs now = clock_.unix_time();
    const int added =
        db_.query(
               "INSERT INTO tokens (organization_id, name, role, sha256, created_at)"
               " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
               organization_id, name, to_string(role), std::span<const std::uint8_t>(sha256), now)
            .run();
    if (added == 0) {
      return fail(ErrorCode::conflict, fmt::format("Token {} already exists", shown(name)));
    }
    return Token{.id = db_.last_insert_id(),
                 .name = std::string(name),
                 .role = role,
                 .created_at = now,
                 .revoked_at = {}};
  });
}

Result<std::vector<Token>> SqliteCatalog::list_tokens(std::int64_t organization_id) {
  return db_.read("list tokens", [&]() -> Result<std::vector<Token>> {
    auto rows = db_.query(
        "SELECT id, name, role, created_at, revoked_at FROM tokens"
        " WHERE organization_id = ? ORDER BY id",
        organization_id);
    std::vector<Token> tokens;
    while (rows.step()) tokens.push_back(read_token(rows));
    return tokens;
  });
}

Result<void> SqliteCatalog::revoke_token(std::int64_t organization_id, std::string_view name) {
  return db_.write("revoke token", [&]() -> Result<void> {
    const int revoked = db_.query(
                               "UPDATE tokens SET revoked_at = ?"
                               " WHERE organization_id = ? AND name = ? AND revoked_at IS NULL",
                               clock_.unix_time(), organization_id, name)
                            .run();
    if (revoked == 1) return {};
    return fail(ErrorCode::not_found, "Not found");
  });
}

// Found by an index on the hash: its timing tells of a hash of 256 random bits, which is of no use.
Result<std::optional<Principal>> SqliteCatalog::find_principal(
    std::span<const std::uint8_t, 32> sha256) {
  return db_.read("find token", [&]() -> Result<std::optional<Principal>> {
    auto row = db_.query(
        "SELECT id, name, role, created_at, revoked_at, organization_id FROM tokens"
        " WHERE sha256 = ? AND revoked_at IS NULL",
        std::span<const std::uint8_t>(sha256));
    if (!row.step()) return std::nullopt;
    auto organization = organization_by_id(row.integer(5));
    if (!organization) return propagate(organization);
    return Principal{.organization = std::move(*organization), .token = read_token(row)};
  });
}

}  // namespace agent_secrets::control_plane
