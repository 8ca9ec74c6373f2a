// What a region's Provisioner takes from the catalog, and what it reports back.
#include <utility>

#include "control-plane/catalog/sqlite_catalog.h"

namespace agent_secrets::control_plane {
namespace {

// How long a failed version rests before its region is tried again.
constexpr UnixMs kFailedRest{30'000};

}  // namespace

Result<Outbox::Due> SqliteCatalog::next_due(std::string_view region, UnixMs now) {
  return db_.read("find due version", [&]() -> Result<Due> {
    auto row = db_.query(
        "SELECT organization_id, id, name, version, pending_since, due_at FROM sets"
        " WHERE region = ? AND status <> 'ready' ORDER BY due_at LIMIT 1",
        region);
    if (!row.step()) return Due{};
    const UnixMs due_at = row.time(5);
    // Nothing is ever put off for longer: the clock has been set back since.
    const bool clock_went_back = due_at > now + kFailedRest;
    if (due_at > now && !clock_went_back) return Due{.version = {}, .next_at = due_at};
    return Due{.version = PendingVersion{.organization_id = row.integer(0),
                                         .set_id = row.integer(1),
                                         .set_name = row.text(2),
                                         .version = row.integer(3),
                                         .pending_since = row.time(4)},
               .next_at = {}};
  });
}

Result<ProvisionedVersion> SqliteCatalog::read_version(const PendingVersion& version) {
  return db_.read("read version", [&]() -> Result<ProvisionedVersion> {
    auto row = db_.query("SELECT name FROM sets WHERE id = ? AND version = ?", version.set_id,
                         version.version);
    if (!row.step()) return fail(ErrorCode::not_found, "no such version any more");
    auto values = open_values(version);
    if (!values) return propagate(values);
    return ProvisionedVersion{.organization_id = version.organization_id,
                              .set_id = version.set_id,
                              .set_name = row.text(0),
                              .version = version.version,
                              .values = std::move(*values)};
  });
}

Result<bool> SqliteCatalog::mark_ready(const PendingVersion& version) {
  return db_.write("mark version ready", [&]() -> Result<bool> {
    const int marked = db_.query(
                              "UPDATE sets SET status = 'ready', error_message = '',"
                              " ready_version = version"
                              " WHERE id = ? AND version = ? AND status <> 'ready'",
                              version.set_id, version.version)
                           .run();
    if (marked == 0) return false;
    follow_latest(version);
    db_.query(
           "UPDATE agents SET revision = revision + 1 WHERE deleted = 0 AND deployment_id IN"
           " (SELECT deployment_id FROM deployment_pins WHERE set_id = ?)",
           version.set_id)
        .run();
    drop_values_of(version.set_id);
    return true;
  });
}

// Agents that ask for `"secretVersion": "latest"` are given the newest ready version: their pin
// moves with it, and with it the sequence.
void SqliteCatalog::follow_latest(const PendingVersion& version) {
  db_.query(
         "UPDATE agents SET sequence = sequence + 1 WHERE deleted = 0 AND deployment_id IN"
         " (SELECT p.deployment_id FROM deployment_pins p JOIN deployment_settings s"
         "   ON s.deployment_id = p.deployment_id AND s.name = 'secretVersion'"
         "   AND s.value = '\"latest\"' WHERE p.set_id = ? AND p.version < ?)",
         version.set_id, version.version)
      .run();
  db_.query(
         "UPDATE deployment_pins SET version = ?2 WHERE set_id = ?1 AND version < ?2"
         " AND deployment_id IN (SELECT a.deployment_id FROM agents a"
         "   JOIN deployment_settings s ON s.deployment_id = a.deployment_id"
         "   AND s.name = 'secretVersion' AND s.value = '\"latest\"' WHERE a.deleted = 0)",
         version.set_id, version.version)
      .run();
}

Result<bool> SqliteCatalog::mark_failed(const PendingVersion& version, std::string_view message) {
  return db_.write("mark version failed", [&]() -> Result<bool> {
    return db_.query(
                  "UPDATE sets SET status = 'failed', error_message = ?, due_at = ?"
                  " WHERE id = ? AND version = ? AND status <> 'ready'",
                  message, clock_.unix_time() + kFailedRest, version.set_id, version.version)
               .run() == 1;
  });
}

std::vector<AgentCredentialRecord> SqliteCatalog::read_credentials(std::int64_t agent_id) {
  auto rows = db_.query(
      "SELECT kid, signing_key, box_key, revoked_at IS NOT NULL FROM credentials"
      " WHERE agent_id = ? ORDER BY created_at, kid",
      agent_id);
  std::vector<AgentCredentialRecord> credentials;
  while (rows.step()) {
    credentials.push_back({.kid = rows.text(0),
                           .keys = {.signing = rows.key(1), .box = rows.key(2)},
                           .revoked = rows.integer(3) != 0});
  }
  return credentials;
}

AgentSnapshot SqliteCatalog::read_snapshot(std::int64_t agent_id) {
  AgentSnapshot snapshot;
  snapshot.agent_id = agent_id;
  {
    auto row = db_.query(
        "SELECT a.revision, a.sequence, o.name, a.name, a.deleted, a.deployment_id"
        " FROM agents a JOIN organizations o ON o.id = a.organization_id WHERE a.id = ?",
        agent_id);
    row.step();
    snapshot.revision = row.integer(0);
    snapshot.sequence = row.integer(1);
    snapshot.organization = row.text(2);
    snapshot.agent = row.text(3);
    snapshot.deleted = row.integer(4) != 0;
    snapshot.deployment_id = row.text(5);
  }
  if (!snapshot.deleted) snapshot.sets = read_pins(snapshot.deployment_id);
  snapshot.credentials = read_credentials(agent_id);
  return snapshot;
}

Result<std::vector<AgentSnapshot>> SqliteCatalog::unpublished_agents(std::string_view region,
                                                                     std::int64_t after_id,
                                                                     int at_most) {
  return db_.read("find unpublished agents", [&]() -> Result<std::vector<AgentSnapshot>> {
    auto rows = db_.query(
        "SELECT id FROM agents WHERE region = ? AND revision > published_revision AND id > ?"
        " ORDER BY id LIMIT ?",
        region, after_id, at_most);
    std::vector<AgentSnapshot> snapshots;
    while (rows.step()) snapshots.push_back(read_snapshot(rows.integer(0)));
    return snapshots;
  });
}

Result<void> SqliteCatalog::mark_published(std::int64_t agent_id, std::int64_t revision) {
  return db_.write_urgently("mark agent published", [&]() -> Result<void> {
    db_.query("UPDATE agents SET published_revision = ?1 WHERE id = ?2 AND published_revision < ?1",
              revision, agent_id)
        .run();
    return {};
  });
}

Result<std::vector<RetainedVersion>> SqliteCatalog::retained_versions(std::string_view region) {
  return db_.read("list retained versions", [&]() -> Result<std::vector<RetainedVersion>> {
    auto rows = db_.query(
        "SELECT set_id, version FROM retained_versions WHERE region = ? ORDER BY set_id, version",
        region);
    std::vector<RetainedVersion> versions;
    while (rows.step()) {
      versions.push_back({.set_id = rows.integer(0), .version = rows.integer(1)});
    }
    return versions;
  });
}

Result<bool> SqliteCatalog::has_provisioned(std::string_view region) {
  return db_.read("look for provisioned versions", [&]() -> Result<bool> {
    auto row = db_.query(
        "SELECT EXISTS (SELECT 1 FROM sets WHERE region = ?1 AND ready_version > 0)"
        " OR EXISTS (SELECT 1 FROM agents WHERE region = ?1 AND published_revision > 0"
        "   AND deleted = 0)",
        region);
    return row.step() && row.integer(0) != 0;
  });
}

}  // namespace agent_secrets::control_plane
