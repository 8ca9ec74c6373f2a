// The agents of a region store: snapshots, credentials and past releases.
#include <utility>

#include "control-plane/region/sqlite_region_store.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::int64_t kReleasesKept = 64;

}  // namespace

bool SqliteRegionStore::is_newer_stored(const AgentSnapshot& snapshot) {
  return db_
      .query("SELECT 1 FROM agents WHERE id = ? AND revision > ?", snapshot.agent_id,
             snapshot.revision)
      .step();
}

void SqliteRegionStore::put_sets(const AgentSnapshot& snapshot) {
  db_.query("DELETE FROM agent_sets WHERE agent_id = ?", snapshot.agent_id).run();
  for (const PinnedSet& set : snapshot.sets) {
    db_.query(
           "INSERT INTO agent_sets (agent_id, set_id, organization_id, name, version,"
           " latest_version) VALUES (?, ?, ?, ?, ?, ?)",
           snapshot.agent_id, set.set_id, set.organization_id, set.name, set.version,
           set.latest_version)
        .run();
  }
}

void SqliteRegionStore::put_credentials(const AgentSnapshot& snapshot) {
  db_.query("DELETE FROM credentials WHERE agent_id = ?", snapshot.agent_id).run();
  for (const AgentCredentialRecord& credential : snapshot.credentials) {
    db_.query(
           "INSERT OR REPLACE INTO credentials (kid, agent_id, signing_key, box_key, revoked)"
           " VALUES (?, ?, ?, ?, ?)",
           credential.kid, snapshot.agent_id,
           std::span<const std::uint8_t>(credential.keys.signing),
           std::span<const std::uint8_t>(credential.keys.box),
           static_cast<std::int64_t>(credential.revoked))
        .run();
  }
}

// Nothing is heard of them from now on (record()), so their silence means nothing: they count until
// an operator forgets them, as those without a sidecar do.
void SqliteRegionStore::stop_hearing_revoked(std::int64_t agent_id) {
  db_.query(
         "UPDATE instances SET watched = 0 WHERE agent_id = ?1 AND watched = 1 AND kid IN"
         " (SELECT kid FROM credentials WHERE agent_id = ?1 AND revoked = 1)",
         agent_id)
      .run();
}

// Deleted agents of an organization past the newest limits::kDeletedAgentsKept, a few at a time.
// One that may have instances stays, because set status has to count them.
void SqliteRegionStore::remove_old_agents(const AgentSnapshot& snapshot) {
  constexpr std::int64_t at_once = 8;
  std::vector<std::int64_t> old;
  {
    auto rows = db_.query(
        "SELECT id FROM agents WHERE organization = ? AND deleted = 1"
        "   AND NOT EXISTS (SELECT 1 FROM instances WHERE agent_id = agents.id)"
        " ORDER BY id DESC LIMIT ? OFFSET ?",
        snapshot.organization, at_once, limits::kDeletedAgentsKept);
    while (rows.step()) old.push_back(rows.integer(0));
  }
  for (const std::int64_t id : old) {
    db_.query("DELETE FROM agent_sets WHERE agent_id = ?", id).run();
    db_.query("DELETE FROM credentials WHERE agent_id = ?", id).run();
    db_.query("DELETE FROM releases WHERE agent_id = ?", id).run();
    db_.query("DELETE FROM agents WHERE id = ?", id).run();
  }
}

void SqliteRegionStore::put_release(const AgentSnapshot& snapshot) {
  if (snapshot.deleted || snapshot.deployment_id.empty()) return;
  const int added = db_.query(
                           "INSERT INTO releases (agent_id, sequence, deployment_id)"
                           " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                           snapshot.agent_id, snapshot.sequence, snapshot.deployment_id)
                        .run();
  if (added == 0) return;
  for (const PinnedSet& set : snapshot.sets) {
    db_.query(
           "INSERT INTO release_sets (agent_id, sequence, set_id, organization_id, name,"
           " version) VALUES (?, ?, ?, ?, ?, ?)",
           snapshot.agent_id, snapshot.sequence, set.set_id, set.organization_id, set.name,
           set.version)
        .run();
  }
  db_.query(
         "DELETE FROM releases WHERE agent_id = ?1 AND sequence NOT IN"
         " (SELECT sequence FROM releases WHERE agent_id = ?1 ORDER BY sequence DESC LIMIT ?2)",
         snapshot.agent_id, kReleasesKept)
      .run();
}

Result<void> SqliteRegionStore::put_agent(const AgentSnapshot& snapshot) {
  return db_.write_urgently("write agent", [&]() -> Result<void> {
    if (is_newer_stored(snapshot)) return {};
    db_.query(
           "INSERT INTO agents (id, revision, sequence, organization, name, deleted,"
           " deployment_id) VALUES (?, ?, ?, ?, ?, ?, ?)"
           " ON CONFLICT (id) DO UPDATE SET revision = excluded.revision,"
           " sequence = excluded.sequence, organization = excluded.organization,"
           " name = excluded.name, deleted = excluded.deleted,"
           " deployment_id = excluded.deployment_id",
           snapshot.agent_id, snapshot.revision, snapshot.sequence, snapshot.organization,
           snapshot.agent, static_cast<std::int64_t>(snapshot.deleted), snapshot.deployment_id)
        .run();
    put_sets(snapshot);
    put_credentials(snapshot);
    stop_hearing_revoked(snapshot.agent_id);
    put_release(snapshot);
    if (snapshot.deleted) remove_old_agents(snapshot);
    return {};
  });
}

std::vector<PinnedSet> SqliteRegionStore::read_sets(std::int64_t agent_id) {
  auto rows = db_.query(
      "SELECT organization_id, set_id, name, version, latest_version FROM agent_sets"
      " WHERE agent_id = ? ORDER BY name",
      agent_id);
  std::vector<PinnedSet> sets;
  while (rows.step()) {
    sets.push_back({.organization_id = rows.integer(0),
                    .set_id = rows.integer(1),
                    .name = rows.text(2),
                    .version = rows.integer(3),
                    .latest_version = rows.integer(4),
                    .changed_keys = {}});
  }
  return sets;
}

std::vector<AgentCredentialRecord> SqliteRegionStore::read_credentials(std::int64_t agent_id) {
  auto rows = db_.query(
      "SELECT kid, signing_key, box_key, revoked FROM credentials WHERE agent_id = ?"
      " ORDER BY rowid",
      agent_id);
  std::vector<AgentCredentialRecord> credentials;
  while (rows.step()) {
    credentials.push_back({.kid = rows.text(0),
                           .keys = {.signing = rows.key(1), .box = rows.key(2)},
                           .revoked = rows.integer(3) != 0});
  }
  return credentials;
}

Result<std::optional<AgentSnapshot>> SqliteRegionStore::find_agent(std::int64_t agent_id) {
  return db_.read("find agent", [&]() -> Result<std::optional<AgentSnapshot>> {
    auto row = db_.query(
        "SELECT revision, sequence, organization, name, deleted, deployment_id FROM agents"
        " WHERE id = ?",
        agent_id);
    if (!row.step()) return std::nullopt;
    return AgentSnapshot{.agent_id = agent_id,
                         .revision = row.integer(0),
                         .sequence = row.integer(1),
                         .organization = row.text(2),
                         .agent = row.text(3),
                         .deleted = row.integer(4) != 0,
                         .deployment_id = row.text(5),
                         .sets = read_sets(agent_id),
                         .credentials = read_credentials(agent_id)};
  });
}

Result<std::optional<CredentialOwner>> SqliteRegionStore::find_credential(std::string_view kid) {
  return db_.read("find credential", [&]() -> Result<std::optional<CredentialOwner>> {
    auto row = db_.query(
        "SELECT agent_id, kid, signing_key, box_key, revoked FROM credentials WHERE kid = ?", kid);
    if (!row.step()) return std::nullopt;
    return CredentialOwner{.agent_id = row.integer(0),
                           .credential = {.kid = row.text(1),
                                          .keys = {.signing = row.key(2), .box = row.key(3)},
                                          .revoked = row.integer(4) != 0}};
  });
}

Result<std::optional<Release>> SqliteRegionStore::find_release(std::int64_t agent_id,
                                                               std::int64_t sequence) {
  return db_.read("find release", [&]() -> Result<std::optional<Release>> {
    auto row = db_.query("SELECT deployment_id FROM releases WHERE agent_id = ? AND sequence = ?",
                         agent_id, sequence);
    if (!row.step()) return std::nullopt;
    Release release{.sequence = sequence, .deployment_id = row.text(0), .sets = {}};
    auto sets = db_.query(
        "SELECT organization_id, set_id, name, version FROM release_sets"
        " WHERE agent_id = ? AND sequence = ? ORDER BY name",
        agent_id, sequence);
    while (sets.step()) {
      release.sets.push_back({.organization_id = sets.integer(0),
                              .set_id = sets.integer(1),
                              .name = sets.text(2),
                              .version = sets.integer(3),
                              .latest_version = sets.integer(3),
                              .changed_keys = {}});
    }
    return release;
  });
}

}  // namespace agent_secrets::control_plane
