// The agents of a region store: snapshots, credentials and past releases.
#include <set>
#include <string>
#include <utility>

#include "control-plane/region/changes_lock.h"
#include "control-plane/region/coded_snapshot.h"
#include "control-plane/region/database_region_store.h"
#include "control-plane/region/fence.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::int64_t kReleasesKept = 64;

std::int64_t next_number(Transaction& tx) {
  return tx.query("UPDATE changes SET number = number + 1 WHERE id = 1 RETURNING number")
      .front()
      .integer("number");
}

void put_sets(Transaction& tx, const AgentSnapshot& snapshot) {
  tx.execute_later("DELETE FROM agent_sets WHERE agent_id = ?1", snapshot.agent_id);
  for (const PinnedSet& set : snapshot.sets) {
    tx.execute_later(
        "INSERT INTO agent_sets (agent_id, set_id, organization_id, name, version,"
        " latest_version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        snapshot.agent_id, set.set_id, set.organization_id, set.name, set.version,
        set.latest_version);
  }
}

std::set<std::string> revoked_kids(Transaction& tx, std::int64_t agent_id) {
  std::set<std::string> kids;
  for (const Row row :
       tx.query("SELECT kid FROM credentials WHERE agent_id = ?1 AND revoked = 1", agent_id)) {
    kids.insert(row.text("kid"));
  }
  return kids;
}

// A revocation is final: a credential that is revoked in this region stays revoked, also after a
// failover in which the catalog has lost the revocation.
void put_credentials(Transaction& tx, const Authority& authority, const AgentSnapshot& snapshot) {
  const std::set<std::string> revoked = revoked_kids(tx, snapshot.agent_id);
  tx.execute_later("DELETE FROM credentials WHERE agent_id = ?1", snapshot.agent_id);
  for (AgentCredentialRecord credential : snapshot.credentials) {
    credential.revoked = credential.revoked || revoked.contains(credential.kid);
    tx.execute_later(
        "INSERT INTO credentials (kid, agent_id, signing_key, box_key, revoked, expires_at, code)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (kid) DO UPDATE SET"
        " agent_id = excluded.agent_id, signing_key = excluded.signing_key,"
        " box_key = excluded.box_key, revoked = excluded.revoked,"
        " expires_at = excluded.expires_at, code = excluded.code",
        credential.kid, snapshot.agent_id, credential.keys.signing, credential.keys.box,
        credential.revoked, credential.expires_at,
        authority.code(coded_credential(credential, snapshot.agent_id, snapshot.revision)));
  }
}

// Watches with a revoked credential are not recorded (instances.cc), so instances that use it would
// seem silent while they run. They become unwatched: like instances without a sidecar, they count
// until an operator forgets them.
void stop_hearing_revoked(Transaction& tx, std::int64_t agent_id) {
  tx.execute_later(
      "UPDATE instances SET watched = 0 WHERE agent_id = ?1 AND watched = 1 AND kid IN"
      " (SELECT kid FROM credentials WHERE agent_id = ?1 AND revoked = 1)",
      agent_id);
}

void remove_agent(Transaction& tx, std::int64_t agent_id) {
  tx.execute_later("DELETE FROM agent_sets WHERE agent_id = ?1", agent_id);
  tx.execute_later("DELETE FROM credentials WHERE agent_id = ?1", agent_id);
  tx.execute_later("DELETE FROM releases WHERE agent_id = ?1", agent_id);
  tx.execute_later("DELETE FROM instances WHERE agent_id = ?1", agent_id);
  tx.execute_later("DELETE FROM agents WHERE id = ?1", agent_id);
}

// set status counts the recorded instances of an agent, and what their releases had, as long as
// they may hold a value.
void end_agent(Transaction& tx, const Authority& authority, std::int64_t agent_id) {
  if (tx.query("SELECT 1 FROM instances WHERE agent_id = ?1 LIMIT 1", agent_id).empty()) {
    return remove_agent(tx, agent_id);
  }
  tx.execute_later("DELETE FROM agent_sets WHERE agent_id = ?1", agent_id);
  tx.execute_later("DELETE FROM credentials WHERE agent_id = ?1", agent_id);
  const Rows rows =
      tx.query("SELECT sequence, organization, name FROM agents WHERE id = ?1", agent_id);
  if (rows.empty()) return;
  const Row row = rows.front();
  const AgentSnapshot ended{.agent_id = agent_id,
                            .revision = 0,
                            .sequence = row.integer("sequence"),
                            .organization = row.text("organization"),
                            .agent = row.text("name"),
                            .deleted = true,
                            .deployment_id = {},
                            .sets = {},
                            .credentials = {}};
  tx.execute_later(
      "UPDATE agents SET deleted = 1, revision = 0, deployment_id = '', changed = ?2, code = ?3"
      " WHERE id = ?1",
      agent_id, next_number(tx), authority.code(coded_snapshot(ended)));
}

// Removes a few deleted agents of the organization, except for the limits::kDeletedAgentsKept that
// were changed last: the watches of an agent that has just been deleted are woken by the number in
// its row. An agent with recorded instances stays, because set status counts them.
void remove_old_agents(Transaction& tx, const AgentSnapshot& snapshot) {
  constexpr std::int64_t at_once = 8;
  const Rows old = tx.query(
      "SELECT id FROM agents WHERE organization = ?1 AND deleted = 1"
      "   AND NOT EXISTS (SELECT 1 FROM instances WHERE agent_id = agents.id)"
      " ORDER BY changed DESC, id DESC LIMIT ?2 OFFSET ?3",
      snapshot.organization, at_once, limits::kDeletedAgentsKept);
  for (const Row row : old) remove_agent(tx, row.integer("id"));
}

// If a sequence has risen by kFailoverStep, the catalog may have lost commits. The releases of the
// lost commits are deleted, because an instance that runs one of them would seem current. Without
// its release the instance counts as superseded.
void drop_lost_releases(Transaction& tx, const AgentSnapshot& snapshot) {
  const Rows rows = tx.query("SELECT sequence FROM agents WHERE id = ?1", snapshot.agent_id);
  if (rows.empty()) return;
  const bool was_raised = snapshot.sequence - rows.front().integer("sequence") > kFailoverStep / 2;
  if (!was_raised) return;
  tx.execute("DELETE FROM releases WHERE agent_id = ?1 AND sequence > ?2", snapshot.agent_id,
             snapshot.sequence - kFailoverStep);
}

void put_release(Transaction& tx, const AgentSnapshot& snapshot) {
  if (snapshot.deleted || snapshot.deployment_id.empty()) return;
  const std::int64_t added = tx.execute(
      "INSERT INTO releases (agent_id, sequence, deployment_id)"
      " VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
      snapshot.agent_id, snapshot.sequence, snapshot.deployment_id);
  if (added == 0) return;
  for (const PinnedSet& set : snapshot.sets) {
    tx.execute_later(
        "INSERT INTO release_sets (agent_id, sequence, set_id, organization_id, name,"
        " version) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        snapshot.agent_id, snapshot.sequence, set.set_id, set.organization_id, set.name,
        set.version);
  }
  tx.execute_later(
      "DELETE FROM releases WHERE agent_id = ?1 AND sequence NOT IN"
      " (SELECT sequence FROM releases WHERE agent_id = ?1 ORDER BY sequence DESC LIMIT ?2)",
      snapshot.agent_id, kReleasesKept);
}

std::vector<PinnedSet> read_sets(Transaction& tx, std::int64_t agent_id) {
  std::vector<PinnedSet> sets;
  for (const Row row :
       tx.query("SELECT organization_id, set_id, name, version, latest_version FROM agent_sets"
                " WHERE agent_id = ?1 ORDER BY name",
                agent_id)) {
    sets.push_back({.organization_id = row.integer("organization_id"),
                    .set_id = row.integer("set_id"),
                    .name = row.text("name"),
                    .version = row.integer("version"),
                    .latest_version = row.integer("latest_version"),
                    .changed_keys = {}});
  }
  return sets;
}

// Leaves out credentials that are refused.
std::vector<AgentCredentialRecord> read_credentials(Transaction& tx, const Authority& authority,
                                                    const AgentSnapshot& snapshot) {
  std::vector<AgentCredentialRecord> credentials;
  for (const Row row : tx.query("SELECT kid, signing_key, box_key, revoked, expires_at, code"
                                " FROM credentials WHERE agent_id = ?1 ORDER BY rowid",
                                snapshot.agent_id)) {
    AgentCredentialRecord credential = read_credential(row);
    const CodedRow coded = coded_credential(credential, snapshot.agent_id, snapshot.revision);
    if (authority.accepts(coded, stored_code(row))) credentials.push_back(std::move(credential));
  }
  return credentials;
}

struct StoredSnapshot {
  AgentSnapshot snapshot;  // without its credentials
  StoredCode code;
};

std::optional<StoredSnapshot> read_stored(Transaction& tx, std::int64_t agent_id) {
  const Rows rows = tx.query(
      "SELECT revision, sequence, organization, name, deleted, deployment_id, code FROM agents"
      " WHERE id = ?1",
      agent_id);
  if (rows.empty()) return std::nullopt;
  const Row row = rows.front();
  return StoredSnapshot{.snapshot = {.agent_id = agent_id,
                                     .revision = row.integer("revision"),
                                     .sequence = row.integer("sequence"),
                                     .organization = row.text("organization"),
                                     .agent = row.text("name"),
                                     .deleted = row.boolean("deleted"),
                                     .deployment_id = row.text("deployment_id"),
                                     .sets = read_sets(tx, agent_id),
                                     .credentials = {}},
                        .code = stored_code(row)};
}

std::optional<AgentSnapshot> read_agent(Transaction& tx, const Authority& authority,
                                        std::int64_t agent_id) {
  auto stored = read_stored(tx, agent_id);
  if (!stored) return std::nullopt;
  authority.require(coded_snapshot(stored->snapshot), stored->code);
  stored->snapshot.credentials = read_credentials(tx, authority, stored->snapshot);
  return std::move(stored->snapshot);
}

// The store has a newer snapshot, or this one: two processes may publish one revision. A stored
// snapshot that is refused is replaced, whatever its revision.
bool changes_nothing(Transaction& tx, const Authority& authority, const AgentSnapshot& snapshot) {
  auto stored = read_stored(tx, snapshot.agent_id);
  if (!stored || !authority.accepts(coded_snapshot(stored->snapshot), stored->code)) return false;
  if (stored->snapshot.revision != snapshot.revision) {
    return stored->snapshot.revision > snapshot.revision;
  }
  stored->snapshot.credentials = read_credentials(tx, authority, stored->snapshot);
  return stored->snapshot == snapshot;
}

void write_agent(Transaction& tx, const Authority& authority, const AgentSnapshot& snapshot) {
  drop_lost_releases(tx, snapshot);
  tx.execute_later(
      "INSERT INTO agents (id, revision, sequence, organization, name, deleted,"
      " deployment_id, changed, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
      " ON CONFLICT (id) DO UPDATE SET revision = excluded.revision,"
      " sequence = excluded.sequence, organization = excluded.organization,"
      " name = excluded.name, deleted = excluded.deleted,"
      " deployment_id = excluded.deployment_id, changed = excluded.changed, code = excluded.code",
      snapshot.agent_id, snapshot.revision, snapshot.sequence, snapshot.organization,
      snapshot.agent, snapshot.deleted, snapshot.deployment_id, next_number(tx),
      authority.code(coded_snapshot(snapshot)));
  put_sets(tx, snapshot);
  put_credentials(tx, authority, snapshot);
  stop_hearing_revoked(tx, snapshot.agent_id);
  put_release(tx, snapshot);
  if (snapshot.deleted) remove_old_agents(tx, snapshot);
}

}  // namespace

Result<void> DatabaseRegionStore::put_agent(const AgentSnapshot& snapshot) {
  auto changed = database_->write_urgently("write agent", [&](Transaction& tx) -> Result<bool> {
    lock_changes(tx);
    if (changes_nothing(tx, authority_, snapshot)) return false;
    write_agent(tx, authority_, snapshot);
    return true;
  });
  if (!changed) return propagate(changed);
  if (*changed) database_->notify("agents");
  return {};
}

Result<void> DatabaseRegionStore::end_agents(std::span<const std::int64_t> agents,
                                             const LeaseTerm& term) {
  auto ended = database_->write_urgently("end agents", [&](Transaction& tx) -> Result<void> {
    lock_changes(tx);
    if (auto ok = accept_term(tx, term); !ok) return ok;
    for (const std::int64_t agent : agents) end_agent(tx, authority_, agent);
    return {};
  });
  if (ended) database_->notify("agents");
  return ended;
}

Result<std::optional<AgentSnapshot>> DatabaseRegionStore::find_agent(std::int64_t agent_id) {
  return database_->read("find agent",
                         [&](Transaction& tx) -> Result<std::optional<AgentSnapshot>> {
                           return read_agent(tx, authority_, agent_id);
                         });
}

Result<std::optional<CredentialOwner>> DatabaseRegionStore::find_credential(std::string_view kid) {
  return database_->read(
      "find credential", [&](Transaction& tx) -> Result<std::optional<CredentialOwner>> {
        const Rows rows = tx.query(
            "SELECT c.agent_id, c.kid, c.signing_key, c.box_key, c.revoked, c.expires_at,"
            " c.code, a.revision"
            " FROM credentials c JOIN agents a ON a.id = c.agent_id WHERE c.kid = ?1",
            kid);
        if (rows.empty()) return std::nullopt;
        return read_owner(rows.front(), authority_);
      });
}

Result<std::optional<Release>> DatabaseRegionStore::find_release(std::int64_t agent_id,
                                                                 std::int64_t sequence) {
  return database_->read("find release", [&](Transaction& tx) -> Result<std::optional<Release>> {
    const Rows rows =
        tx.query("SELECT deployment_id FROM releases WHERE agent_id = ?1 AND sequence = ?2",
                 agent_id, sequence);
    if (rows.empty()) return std::nullopt;
    Release release{
        .sequence = sequence, .deployment_id = rows.front().text("deployment_id"), .sets = {}};
    for (const Row row : tx.query("SELECT organization_id, set_id, name, version FROM release_sets"
                                  " WHERE agent_id = ?1 AND sequence = ?2 ORDER BY name",
                                  agent_id, sequence)) {
      release.sets.push_back({.organization_id = row.integer("organization_id"),
                              .set_id = row.integer("set_id"),
                              .name = row.text("name"),
                              .version = row.integer("version"),
                              .latest_version = row.integer("version"),
                              .changed_keys = {}});
    }
    return release;
  });
}

}  // namespace agent_secrets::control_plane
