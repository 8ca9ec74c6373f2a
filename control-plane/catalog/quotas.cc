#include "control-plane/catalog/quotas.h"

#include <fmt/format.h>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// A database that an earlier release wrote may hold more than a limit allows. One call removes only
// a few rows, so that no transaction becomes long.
constexpr std::int64_t kRemovedAtOnce = 8;

std::unexpected<Error> full(std::int64_t most, std::string_view what, std::string_view advice) {
  return fail(
      ErrorCode::invalid,
      fmt::format("There are {} {} already, the most that there can be. {}", most, what, advice));
}

void remove_agent(Transaction& tx, std::int64_t organization_id, std::int64_t agent_id) {
  tx.execute(
      {"UPDATE organizations SET sequence_floor ="
       " max(sequence_floor, (SELECT sequence FROM agents WHERE id = ?2)) WHERE id = ?1",
       "UPDATE organizations SET sequence_floor ="
       " greatest(sequence_floor, (SELECT sequence FROM agents WHERE id = ?2)) WHERE id = ?1"},
      organization_id, agent_id);
  tx.execute(
      "DELETE FROM deployment_pins WHERE deployment_id IN"
      " (SELECT id FROM deployments WHERE agent_id = ?1)",
      agent_id);
  tx.execute(
      "DELETE FROM deployment_settings WHERE deployment_id IN"
      " (SELECT id FROM deployments WHERE agent_id = ?1)",
      agent_id);
  tx.execute("DELETE FROM deployments WHERE agent_id = ?1", agent_id);
  tx.execute("DELETE FROM credentials WHERE agent_id = ?1", agent_id);
  tx.execute("DELETE FROM agent_events WHERE agent_id = ?1", agent_id);
  tx.execute("DELETE FROM agents WHERE id = ?1", agent_id);
}

}  // namespace

void measure_set(Transaction& tx, std::int64_t set_id) {
  tx.execute_later(
      {"UPDATE sets SET"
       " live_keys = (SELECT count(*) FROM set_values WHERE set_id = ?1 AND removed_by IS NULL),"
       " stored_bytes = (SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(box)), 0)"
       "                   FROM set_values WHERE set_id = ?1)"
       " WHERE id = ?1",
       "UPDATE sets SET"
       " live_keys = (SELECT count(*) FROM set_values WHERE set_id = ?1 AND removed_by IS NULL),"
       " stored_bytes = (SELECT coalesce(sum(octet_length(key) + octet_length(box)), 0)"
       "                   FROM set_values WHERE set_id = ?1)"
       " WHERE id = ?1"},
      set_id);
}

Result<SetSize> check_set_count(Transaction& tx, std::int64_t organization_id) {
  const Rows rows = tx.query(
      "SELECT count(*) AS n, CAST(coalesce(sum(live_keys), 0) AS bigint) AS live_keys,"
      " CAST(coalesce(sum(stored_bytes), 0) AS bigint) AS stored_bytes FROM sets"
      " WHERE organization_id = ?1",
      organization_id);
  const Row row = rows.front();
  if (row.integer("n") < limits::kSetsPerOrganization) {
    return SetSize{.keys = row.integer("live_keys"), .bytes = row.integer("stored_bytes")};
  }
  return full(limits::kSetsPerOrganization, "secret sets in this organization",
              "Delete one that nothing uses first.");
}

// A write that adds nothing passes even when there is more than the quota allows.
Result<void> check_size_of_sets(const SetSize& before, const SetSize& now) {
  if (now.keys > limits::kKeysPerOrganization && now.keys > before.keys) {
    return full(limits::kKeysPerOrganization, "keys in the secret sets of this organization",
                "Unset keys, or delete secret sets, first.");
  }
  if (now.bytes > limits::kBytesPerOrganization && now.bytes > before.bytes) {
    return full(limits::kBytesPerOrganization, "bytes in the secret sets of this organization",
                "Delete secret sets first, or deploy the agents that still keep old versions.");
  }
  return {};
}

Result<void> check_agent_count(Transaction& tx, std::int64_t organization_id) {
  const Rows rows = tx.query(
      "SELECT count(*) AS agents, CAST(coalesce(sum(deleted), 0) AS bigint) AS deleted"
      " FROM agents WHERE organization_id = ?1",
      organization_id);
  const Row row = rows.front();
  if (row.integer("agents") - row.integer("deleted") >= limits::kAgentsPerOrganization) {
    return full(limits::kAgentsPerOrganization, "agents in this organization", "Delete one first.");
  }
  if (row.integer("deleted") >= limits::kDeletedUnconfirmed) {
    return full(limits::kDeletedUnconfirmed,
                "deleted agents whose region has not confirmed the deletion",
                "Try again when the region can be reached.");
  }
  return {};
}

// Keeps the deployment that the region serves and the newest deployment that is rolled out, at any
// age.
void remove_old_deployments(Transaction& tx, std::int64_t agent_id) {
  const Rows old = tx.query(
      "SELECT d.id FROM deployments d JOIN agents a ON a.id = d.agent_id"
      " WHERE d.agent_id = ?1"
      "   AND d.id NOT IN (SELECT id FROM deployments WHERE agent_id = ?1"
      "                     ORDER BY revision DESC LIMIT ?2)"
      "   AND d.revision <> coalesce((SELECT max(revision) FROM deployments WHERE agent_id = ?1"
      "                                  AND revision <= a.published_revision), 0)"
      "   AND d.revision <> coalesce((SELECT max(revision) FROM deployments WHERE agent_id = ?1"
      "                   AND revision <= a.published_revision AND rolled_out = 1), 0)"
      " ORDER BY d.revision LIMIT ?3",
      agent_id, limits::kDeploymentsKept, kRemovedAtOnce);
  for (const Row row : old) {
    const std::string id = row.text("id");
    tx.execute("DELETE FROM deployment_pins WHERE deployment_id = ?1", id);
    tx.execute("DELETE FROM deployment_settings WHERE deployment_id = ?1", id);
    tx.execute("DELETE FROM deployments WHERE id = ?1", id);
  }
}

// Removes agents whose deletion the region has confirmed and for which no deploy command waits.
// Their sequences are not used again: those of a new agent with the same name begin above them.
void remove_old_agents(Transaction& tx, std::int64_t organization_id) {
  const Rows old = tx.query(
      "SELECT id FROM agents WHERE organization_id = ?1 AND deleted = 1"
      "   AND revision <= published_revision"
      "   AND NOT EXISTS (SELECT 1 FROM rollouts WHERE agent_id = agents.id)"
      " ORDER BY id DESC LIMIT ?2 OFFSET ?3",
      organization_id, kRemovedAtOnce, limits::kDeletedAgentsKept);
  for (const Row row : old) remove_agent(tx, organization_id, row.integer("id"));
}

Result<void> make_room_for_token(Transaction& tx, std::int64_t organization_id) {
  tx.execute(
      "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE organization_id = ?1"
      "   AND user_id IS NULL AND revoked_at IS NOT NULL"
      " ORDER BY revoked_at DESC, id DESC LIMIT ?2 OFFSET ?3)",
      organization_id, kRemovedAtOnce, limits::kRevokedKept);
  const Rows counted = tx.query(
      "SELECT count(*) AS n FROM tokens WHERE organization_id = ?1 AND user_id IS NULL"
      " AND revoked_at IS NULL",
      organization_id);
  if (counted.front().integer("n") < limits::kTokens) return {};
  return full(limits::kTokens, "tokens of this organization", "Revoke one first.");
}

Result<void> make_room_for_user_token(Transaction& tx, std::int64_t user_id) {
  tx.execute(
      "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE user_id = ?1"
      "   AND revoked_at IS NOT NULL ORDER BY revoked_at DESC, id DESC LIMIT ?2 OFFSET ?3)",
      user_id, kRemovedAtOnce, limits::kRevokedKept);
  const Rows counted = tx.query(
      "SELECT count(*) AS n FROM tokens WHERE user_id = ?1 AND revoked_at IS NULL", user_id);
  if (counted.front().integer("n") < limits::kTokens) return {};
  return full(limits::kTokens, "tokens of this user", "Revoke one first.");
}

Result<void> make_room_for_api_key(Transaction& tx, std::int64_t organization_id, ApiKeyType type) {
  tx.execute(
      "DELETE FROM api_keys WHERE rowid IN (SELECT rowid FROM api_keys WHERE organization_id = ?1"
      "   AND type = ?2 AND revoked_at IS NOT NULL"
      " ORDER BY revoked_at DESC, rowid DESC LIMIT ?3 OFFSET ?4)",
      organization_id, to_string(type), kRemovedAtOnce, limits::kRevokedKept);
  const Rows counted = tx.query(
      "SELECT count(*) AS n FROM api_keys"
      " WHERE organization_id = ?1 AND type = ?2 AND revoked_at IS NULL",
      organization_id, to_string(type));
  if (counted.front().integer("n") < limits::kApiKeys) return {};
  return full(limits::kApiKeys, fmt::format("{} API keys in this organization", to_string(type)),
              "Revoke one first.");
}

// Removes a revoked credential only after the region has confirmed the revocation. Keys of
// developers' runs have a quota of their own (catalog/develop.h).
Result<void> make_room_for_credential(Transaction& tx, std::int64_t agent_id) {
  tx.execute(
      "DELETE FROM credentials WHERE rowid IN (SELECT c.rowid FROM credentials c"
      "   JOIN agents a ON a.id = c.agent_id"
      "  WHERE c.agent_id = ?1 AND c.revoked_at IS NOT NULL AND c.revision <= "
      "a.published_revision"
      "  ORDER BY c.revoked_at DESC, c.rowid DESC LIMIT ?2 OFFSET ?3)",
      agent_id, kRemovedAtOnce, limits::kRevokedKept);
  const Rows counted = tx.query(
      "SELECT count(*) AS n FROM credentials WHERE agent_id = ?1 AND revoked_at IS NULL"
      " AND purpose = 'bot'",
      agent_id);
  if (counted.front().integer("n") < limits::kCredentials) return {};
  return full(limits::kCredentials, "credentials of this agent", "Revoke one first.");
}

Result<void> check_member_count(Transaction& tx, std::int64_t user_id,
                                std::int64_t organization_id) {
  const Rows counted =
      tx.query("SELECT count(*) AS n FROM memberships WHERE organization_id = ?1 AND user_id <> ?2",
               organization_id, user_id);
  if (counted.front().integer("n") < limits::kMembers) return {};
  return full(limits::kMembers, "members of this organization", "Remove one first.");
}

}  // namespace agent_secrets::control_plane
