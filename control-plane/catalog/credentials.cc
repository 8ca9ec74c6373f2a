// Each change raises the agent's revision and stores it with the credential, so that `confirmed`
// can compare it with the published revision.
#include "control-plane/catalog/credentials.h"

#include <fmt/format.h>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/audit.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"

namespace agent_secrets::control_plane {

namespace {

// Returns the new revision.
std::int64_t raise_revision(Transaction& tx, std::int64_t agent_id) {
  return tx
      .query("UPDATE agents SET revision = revision + 1 WHERE id = ?1 RETURNING revision", agent_id)
      .front()
      .integer("revision");
}

std::string object_of(std::string_view agent, std::string_view kid) {
  return fmt::format("credential {} of agent {}", kid, agent);
}

}  // namespace

Result<CredentialRecord> Credentials::add(const Actor& actor, std::int64_t organization_id,
                                          std::string_view agent, std::string_view kid,
                                          const CredentialPublicKeys& keys) {
  if (!is_key_id(kid)) {
    return fail(ErrorCode::invalid, fmt::format("Invalid key id {}", shown(kid)));
  }
  return context_.database->write(
      "add credential", [&](Transaction& tx) -> Result<CredentialRecord> {
        auto found = accepted_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        if (auto room = make_room_for_credential(tx, found->id); !room) return propagate(room);
        const UnixMs now = context_.clock.unix_time();
        const std::int64_t added = tx.execute(
            "INSERT INTO credentials (kid, agent_id, signing_key, box_key, created_at,"
            " revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            kid, found->id, keys.signing, keys.box, now, raise_revision(tx, found->id));
        if (added == 0) {
          return fail(ErrorCode::conflict, fmt::format("Key id {} is already taken", shown(kid)));
        }
        code_credential(tx, context_.authority, kid);
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = "credential.add",
                .object = object_of(agent, kid)});
        return CredentialRecord{.kid = std::string(kid),
                                .agent = found->name,
                                .keys = keys,
                                .created_at = now,
                                .revoked_at = {},
                                .confirmed = false};
      });
}

Result<std::vector<CredentialRecord>> Credentials::list(std::int64_t organization_id,
                                                        std::string_view agent) {
  return context_.database->read(
      "list credentials", [&](Transaction& tx) -> Result<std::vector<CredentialRecord>> {
        auto found = existing_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        std::vector<CredentialRecord> records;
        for (const Row row :
             tx.query("SELECT c.kid, c.signing_key, c.box_key, c.created_at, c.revoked_at,"
                      " a.published_revision >= c.revision AS confirmed FROM credentials c JOIN "
                      "agents a ON a.id = "
                      "c.agent_id"
                      " WHERE c.agent_id = ?1 ORDER BY c.created_at, c.kid",
                      found->id)) {
          records.push_back({.kid = row.text("kid"),
                             .agent = found->name,
                             .keys = {.signing = row.key("signing_key"), .box = row.key("box_key")},
                             .created_at = row.time("created_at"),
                             .revoked_at = row.optional_time("revoked_at"),
                             .confirmed = row.boolean("confirmed")});
        }
        return records;
      });
}

Result<void> Credentials::revoke(const Actor& actor, std::int64_t organization_id,
                                 std::string_view agent, std::string_view kid) {
  return context_.database->write_urgently(
      "revoke credential", [&](Transaction& tx) -> Result<void> {
        auto found = existing_agent(tx, context_.authority, organization_id, agent);
        if (!found) return propagate(found);
        const std::int64_t revoked = tx.execute(
            "UPDATE credentials SET revoked_at = ?1, code = NULL, revision ="
            " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
            " WHERE agent_id = ?2 AND kid = ?3 AND revoked_at IS NULL",
            context_.clock.unix_time(), found->id, kid);
        if (revoked == 0) return fail(ErrorCode::not_found, "Not found");
        raise_revision(tx, found->id);
        record(tx, context_, actor,
               {.organization_id = organization_id,
                .action = "credential.revoke",
                .object = object_of(agent, kid)});
        return {};
      });
}

}  // namespace agent_secrets::control_plane
