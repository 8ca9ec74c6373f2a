// Credentials of agents: public halves only. Each change raises the agent's revision and remembers
// it, so that `confirmed` can say whether the region knows.
#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
std::int64_t SqliteCatalog::raise_revision(std::int64_t agent_id) {
  auto row = db_.query("UPDATE agents SET revision = revision + 1 WHERE id = ? RETURNING revision",
                       agent_id);
  AGENT_SECRETS_ASSERT(row.step());
  const std::int64_t revision = row.integer(0);
  row.run();
  return revision;
}

Result<CredentialRecord> SqliteCatalog::add_credential(std::int64_t organization_id,
                                                       std::string_view agent, std::string_view kid,
                                                       const CredentialPublicKeys& keys) {
  if (!is_key_id(kid)) {
    return fail(ErrorCode::invalid, fmt::format("Invalid key id {}", shown(kid)));
  }
  return db_.write("add credential", [&]() -> Result<CredentialRecord> {
    auto found = existing_agent(organization_id, agent);
    if (!found) return propagate(found);
    if (auto room = make_room_for_credential(found->id); !room) return propagate(room);
    const UnixMs now = clock_.unix_time();
    const int added =
        db_.query(
               "INSERT INTO credentials (kid, agent_id, signing_key, box_key, created_at,"
               " revision) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
               kid, found->id, std::span<const std::uint8_t>(keys.signing),
               std::span<const std::uint8_t>(keys.box), now, raise_revision(found->id))
            .run();
    if (added == 0) {
      return fail(ErrorCode::conflict, fmt::format("Key id {} is already taken", shown(kid)));
    }
    return CredentialRecord{.kid = std::string(kid),
                            .agent = found->name,
                            .keys = keys,
                            .created_at = now,
                            .revoked_at = {},
                            .confirmed = false};
  });
}

Result<std::vector<CredentialRecord>> SqliteCatalog::list_credentials(std::int64_t organization_id,
                                                                      std::string_view agent) {
  return db_.read("list credentials", [&]() -> Result<std::vector<CredentialRecord>> {
    auto found = existing_agent(organization_id, agent);
    if (!found) return propagate(found);
    auto rows = db_.query(
        "SELECT c.kid, c.signing_key, c.box_key, c.created_at, c.revoked_at,"
        " a.published_revision >= c.revision FROM credentials c JOIN agents a ON a.id = c.agent_id"
        " WHERE c.agent_id = ? ORDER BY c.created_at, c.kid",
        found->id);
    std::vector<CredentialRecord> records;
    while (rows.step()) {
      records.push_back({.kid = rows.text(0),
                         .agent = found->name,
                         .keys = {.signing = rows.key(1), .box = rows.key(2)},
                         .created_at = rows.time(3),
                         .revoked_at = rows.optional_time(4),
                         .confirmed = rows.integer(5) != 0});
    }
    return records;
  });
}

Result<void> SqliteCatalog::revoke_credential(std::int64_t organization_id, std::string_view agent,
                                              std::string_view kid) {
  return db_.write_urgently("revoke credential", [&]() -> Result<void> {
    auto found = existing_agent(organization_id, agent);
    if (!found) return propagate(found);
    const int revoked = db_.query(
                               "UPDATE credentials SET revoked_at = ?, revision ="
                               " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
                               " WHERE agent_id = ? AND kid = ? AND revoked_at IS NULL",
                               clock_.unix_time(), found->id, kid)
                            .run();
    if (revoked == 0) return fail(ErrorCode::not_found, "Not found");
    raise_revision(found->id);
    return {};
  });
}

}  // namespace agent_secrets::control_plane
