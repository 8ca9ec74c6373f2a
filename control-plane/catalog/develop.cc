#include "control-plane/catalog/develop.h"

#include <string>

#include <fmt/format.h>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/credentials.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/database/transaction.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// The name of a protected set of the agent's deployment, or "".
std::string protected_set_of(Transaction& tx, const Authority& authority, const Agent& agent) {
  std::string name;
  for (const Row row : tx.query("SELECT s.id, s.organization_id, s.name, s.type, s.region, s.host,"
                                " s.protected_by, s.code"
                                " FROM deployment_pins p JOIN sets s ON s.id = p.set_id"
                                " WHERE p.deployment_id = ?1 ORDER BY s.name",
                                agent.deployment.id)) {
    authority.require(coded_set(row), stored_code(row));
    if (name.empty() && !row.is_null("protected_by")) name = row.text("name");
  }
  return name;
}

}  // namespace

bool members_may_develop(Transaction& tx, const Authority& authority,
                         std::int64_t organization_id) {
  const Rows rows = tx.query(
      "SELECT id, name, default_region, members_develop, code FROM organizations WHERE id = ?1",
      organization_id);
  if (rows.empty()) return false;
  authority.require(coded_organization(rows.front()), stored_code(rows.front()));
  return rows.front().boolean("members_develop");
}

Result<void> check_may_develop(Transaction& tx, const Authority& authority, const Actor& actor,
                               std::int64_t organization_id, const Agent& agent) {
  if (actor.role >= Role::admin) return {};
  if (actor.role < Role::member) {
    return fail(ErrorCode::forbidden, "A viewer does not run an agent with the team's values.");
  }
  if (!members_may_develop(tx, authority, organization_id)) {
    return fail(ErrorCode::forbidden,
                "In this organization only admins run an agent with the team's values. "
                "`secret-control-plane organization allow-develop` allows it to members.");
  }
  if (const std::string name = protected_set_of(tx, authority, agent); !name.empty()) {
    return fail(ErrorCode::forbidden,
                fmt::format("Agent {} has the protected set {}: only an admin runs it with the "
                            "team's values.",
                            shown(agent.name), shown(name)));
  }
  return {};
}

Result<void> check_develop_expiry(std::optional<UnixMs> expires_at, UnixMs now) {
  if (expires_at && *expires_at > now && *expires_at <= now + limits::kDevelopKeyMax) return {};
  return fail(ErrorCode::invalid,
              fmt::format("A key for development expires, after {} hours at most.",
                          limits::kDevelopKeyMax.count()));
}

Result<void> make_room_for_develop_key(Transaction& tx, const Actor& actor, std::int64_t agent_id,
                                       UnixMs now) {
  tx.execute(
      "DELETE FROM credentials WHERE agent_id = ?1 AND purpose = 'develop' AND expires_at <= ?2",
      agent_id, now - limits::kDevelopKeyKept);
  tx.execute(
      "DELETE FROM credentials WHERE rowid IN (SELECT rowid FROM credentials WHERE agent_id = ?1"
      "   AND purpose = 'develop' AND made_by = ?2"
      "   ORDER BY revoked_at IS NULL DESC, expires_at DESC, created_at DESC, rowid DESC"
      "   LIMIT ?3 OFFSET ?4)",
      agent_id, describe(actor), limits::kDevelopKeys, limits::kDevelopKeysOfActor - 1);
  const Rows counted = tx.query(
      "SELECT count(*) AS n FROM credentials WHERE agent_id = ?1 AND purpose = 'develop'"
      " AND revoked_at IS NULL AND expires_at > ?2",
      agent_id, now);
  if (counted.front().integer("n") < limits::kDevelopKeys) return {};
  return fail(ErrorCode::invalid,
              fmt::format("{} keys for development run this agent already, the most that there can "
                          "be. Revoke one first.",
                          limits::kDevelopKeys));
}

void end_keys_of_members(Transaction& tx, std::int64_t agent_id, UnixMs now) {
  const std::int64_t ended = tx.execute(
      "UPDATE credentials SET revoked_at = ?2, code = NULL, revision ="
      " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
      " WHERE agent_id = ?1 AND purpose = 'develop' AND made_as <> 'admin' AND revoked_at IS NULL",
      agent_id, now);
  if (ended > 0) raise_revision(tx, agent_id);
}

void end_keys_of_members_with(Transaction& tx, std::int64_t set_id, UnixMs now) {
  const Rows agents = tx.query(
      "SELECT a.id FROM agents a JOIN deployment_pins p ON p.deployment_id = a.deployment_id"
      " WHERE p.set_id = ?1 AND a.deleted = 0 ORDER BY a.id",
      set_id);
  for (const Row agent : agents) end_keys_of_members(tx, agent.integer("id"), now);
}

void end_keys_of_all_members(Transaction& tx, std::int64_t organization_id, UnixMs now) {
  const Rows agents = tx.query(
      "SELECT DISTINCT a.id FROM agents a JOIN credentials c ON c.agent_id = a.id"
      " WHERE a.organization_id = ?1 AND c.purpose = 'develop' AND c.revoked_at IS NULL"
      " ORDER BY a.id",
      organization_id);
  for (const Row agent : agents) end_keys_of_members(tx, agent.integer("id"), now);
}

void end_keys_of(Transaction& tx, std::optional<std::int64_t> organization_id, const Actor& actor,
                 UnixMs now) {
  const std::string maker = describe(actor);
  const Rows agents = tx.query(
      "SELECT DISTINCT a.id FROM agents a JOIN credentials c ON c.agent_id = a.id"
      " WHERE coalesce(?1, a.organization_id) = a.organization_id AND c.purpose = 'develop'"
      " AND c.made_by = ?2 AND c.revoked_at IS NULL ORDER BY a.id",
      organization_id, maker);
  for (const Row agent : agents) {
    const std::int64_t id = agent.integer("id");
    tx.execute(
        "UPDATE credentials SET revoked_at = ?3, code = NULL, revision ="
        " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
        " WHERE agent_id = ?1 AND purpose = 'develop' AND made_by = ?2 AND revoked_at IS NULL",
        id, maker, now);
    raise_revision(tx, id);
  }
}

}  // namespace agent_secrets::control_plane
