#include "control-plane/catalog/catalog_outbox.h"

#include <utility>

#include "control-plane/catalog/agents.h"
#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/context.h"
#include "control-plane/catalog/credentials.h"
#include "control-plane/catalog/leases.h"
#include "control-plane/catalog/values.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

// The time until a failed version is due again.
constexpr UnixMs kFailedRest{30'000};

// Moves the pins of deployments with SecretVersion::latest to the version. The sequence goes up,
// because the content for the agent's instances changes. Agents whose rows are refused stay as they
// are.
void follow_latest(Transaction& tx, const Authority& authority, const PendingVersion& version) {
  for (const Row row :
       tx.query("SELECT a.id, a.deployment_id FROM agents a"
                "  JOIN deployments d ON d.id = a.deployment_id AND d.secret_version = 'latest'"
                "  JOIN deployment_pins p ON p.deployment_id = d.id"
                " WHERE a.deleted = 0 AND p.set_id = ?1 AND p.version < ?2",
                version.set_id, version.version)) {
    const std::int64_t agent_id = row.integer("id");
    const std::string deployment_id = row.text("deployment_id");
    if (!is_accepted_agent(tx, authority, agent_id)) continue;
    tx.execute_later("UPDATE agents SET sequence = sequence + 1 WHERE id = ?1", agent_id);
    tx.execute_later(
        "UPDATE deployment_pins SET version = ?3 WHERE deployment_id = ?1 AND set_id = ?2",
        deployment_id, version.set_id, version.version);
    code_agent(tx, authority, agent_id);
    code_deployment(tx, authority, deployment_id);
  }
}

// Leaves out credentials that are refused. A revoked one gives no right, and needs no code.
std::vector<AgentCredentialRecord> read_credentials(Transaction& tx, const Authority& authority,
                                                    std::int64_t agent_id) {
  std::vector<AgentCredentialRecord> credentials;
  for (const Row row :
       tx.query("SELECT kid, agent_id, signing_key, box_key, revoked_at IS NOT NULL AS revoked,"
                " expires_at, purpose, made_by, made_as, code FROM credentials"
                " WHERE agent_id = ?1 ORDER BY created_at, kid",
                agent_id)) {
    const bool is_live = !row.boolean("revoked");
    if (is_live && !authority.accepts(coded_registration(row), stored_code(row))) continue;
    credentials.push_back({.kid = row.text("kid"),
                           .keys = {.signing = row.key("signing_key"), .box = row.key("box_key")},
                           .revoked = row.boolean("revoked"),
                           .expires_at = row.optional_time("expires_at")});
  }
  return credentials;
}

Result<ProvisionedVersion> open_version(Transaction& tx, const CatalogContext& context,
                                        const PendingVersion& version) {
  const auto cipher = context.cipher.in(tx);
  if (!cipher) return std::unexpected(cipher.error());
  auto values = open_values(tx, **cipher, version);
  if (!values) return propagate(values);
  return ProvisionedVersion{.organization_id = version.organization_id,
                            .set_id = version.set_id,
                            .set_name = version.set_name,
                            .version = version.version,
                            .values = std::move(*values)};
}

// Absent: the rows of the agent are refused.
std::optional<AgentSnapshot> read_snapshot(Transaction& tx, const Authority& authority,
                                           std::int64_t agent_id) {
  const Rows rows = tx.query(
      "SELECT a.revision, a.sequence, o.name AS organization, a.name, a.deleted, a.deployment_id"
      " FROM agents a JOIN organizations o ON o.id = a.organization_id WHERE a.id = ?1",
      agent_id);
  const Row row = rows.front();
  AgentSnapshot snapshot{.agent_id = agent_id,
                         .revision = row.integer("revision"),
                         .sequence = row.integer("sequence"),
                         .organization = row.text("organization"),
                         .agent = row.text("name"),
                         .deleted = row.boolean("deleted"),
                         .deployment_id = row.text("deployment_id"),
                         .sets = {},
                         .credentials = read_credentials(tx, authority, agent_id)};
  if (snapshot.deleted) return snapshot;
  if (!is_accepted_agent(tx, authority, agent_id)) return std::nullopt;
  snapshot.sets = read_pins(tx, snapshot.deployment_id);
  return snapshot;
}

// The version of the region that is due first. Looks past sets whose rows are refused: such a set
// is never provisioned, and delays no other.
Rows first_due(Transaction& tx, const Authority& authority, std::string_view region) {
  std::int64_t skipped = 0;
  for (;; ++skipped) {
    Rows rows = tx.query(
        "SELECT id, organization_id, name, type, region, host, protected_by, code, version,"
        " pending_since, due_at FROM sets"
        " WHERE region = ?1 AND status <> 'ready' ORDER BY due_at, id LIMIT 1 OFFSET ?2",
        region, skipped);
    if (rows.empty()) return rows;
    if (authority.accepts(coded_set(rows.front()), stored_code(rows.front()))) return rows;
  }
}

std::vector<std::int64_t> agents_with_expired(Transaction& tx, std::string_view region,
                                              UnixMs now) {
  const Rows rows = tx.query(
      "SELECT DISTINCT a.id FROM credentials c JOIN agents a ON a.id = c.agent_id"
      " WHERE a.region = ?1 AND c.expires_at IS NOT NULL AND ("
      "   (c.expires_at <= ?2 AND c.revoked_at IS NULL)"
      "   OR (c.expires_at <= ?3 AND c.purpose = 'develop')) ORDER BY a.id",
      region, now, now - limits::kDevelopKeyKept);
  std::vector<std::int64_t> ids;
  for (const Row row : rows) ids.push_back(row.integer("id"));
  return ids;
}

void end_expired_of(Transaction& tx, std::int64_t agent_id, UnixMs now) {
  tx.execute(
      "UPDATE credentials SET revoked_at = expires_at, code = NULL, revision ="
      " (SELECT revision + 1 FROM agents WHERE id = agent_id)"
      " WHERE agent_id = ?1 AND expires_at <= ?2 AND revoked_at IS NULL",
      agent_id, now);
  tx.execute(
      "DELETE FROM credentials WHERE agent_id = ?1 AND purpose = 'develop' AND expires_at <= ?2",
      agent_id, now - limits::kDevelopKeyKept);
  raise_revision(tx, agent_id);
}

// Runs in a transaction of its own. Reads the retained versions once, not once for each value.
Result<std::vector<std::int64_t>> sets_with_unneeded_values(Database& database,
                                                            std::string_view region) {
  return database.read(
      "list unneeded values", [&](Transaction& tx) -> Result<std::vector<std::int64_t>> {
        const Rows rows = tx.query(
            "WITH retained AS MATERIALIZED (SELECT set_id, version FROM retained_versions)"
            " SELECT DISTINCT s.id FROM sets s"
            "   JOIN set_values v ON v.set_id = s.id AND v.removed_by IS NOT NULL"
            "  WHERE s.region = ?1 AND NOT EXISTS"
            "   (SELECT 1 FROM retained r WHERE r.set_id = v.set_id"
            "     AND r.version >= v.written_by AND r.version < v.removed_by)",
            region);
        std::vector<std::int64_t> ids;
        for (const Row row : rows) ids.push_back(row.integer("id"));
        return ids;
      });
}

}  // namespace

Result<Outbox::Due> CatalogOutbox::next_due(std::string_view region, UnixMs now) {
  return context_.database->read("find due version", [&](Transaction& tx) -> Result<Due> {
    const auto found = first_due(tx, context_.authority, region);
    if (found.empty()) return Due{};
    const Row row = found.front();
    const UnixMs due_at = row.time("due_at");
    // A version is due at most kFailedRest after a write or a failure. A later time means that the
    // clock has been set back.
    const bool clock_went_back = due_at > now + kFailedRest;
    if (due_at > now && !clock_went_back) return Due{.version = {}, .next_at = due_at};
    return Due{.version = PendingVersion{.organization_id = row.integer("organization_id"),
                                         .set_id = row.integer("id"),
                                         .set_name = row.text("name"),
                                         .version = row.integer("version"),
                                         .pending_since = row.time("pending_since"),
                                         .due_since = due_at},
               .next_at = {}};
  });
}

Result<ProvisionedVersion> CatalogOutbox::read_version(const PendingVersion& version) {
  return context_.database->read(
      "read version", [&](Transaction& tx) -> Result<ProvisionedVersion> {
        const Rows rows = tx.query("SELECT name FROM sets WHERE id = ?1 AND version = ?2",
                                   version.set_id, version.version);
        if (rows.empty()) return fail(ErrorCode::not_found, "no such version any more");
        return open_version(tx, context_, version);
      });
}

Result<bool> CatalogOutbox::mark_ready(const PendingVersion& version, const LeaseTerm& term) {
  return context_.database->write("mark version ready", [&](Transaction& tx) -> Result<bool> {
    if (auto ok = require_lease(tx, term); !ok) return propagate(ok);
    const std::int64_t marked = tx.execute(
        "UPDATE sets SET status = 'ready', error_message = '',"
        " ready_version = version"
        " WHERE id = ?1 AND version = ?2 AND status <> 'ready'",
        version.set_id, version.version);
    if (marked == 0) return false;
    follow_latest(tx, context_.authority, version);
    tx.execute_later(
        "UPDATE agents SET revision = revision + 1 WHERE deleted = 0 AND deployment_id IN"
        " (SELECT deployment_id FROM deployment_pins WHERE set_id = ?1)",
        version.set_id);
    drop_values_of(tx, version.set_id);
    return true;
  });
}

Result<bool> CatalogOutbox::mark_failed(const PendingVersion& version, std::string_view message,
                                        const LeaseTerm& term) {
  return context_.database->write("mark version failed", [&](Transaction& tx) -> Result<bool> {
    if (auto ok = require_lease(tx, term); !ok) return propagate(ok);
    return tx.execute(
               "UPDATE sets SET status = 'failed', error_message = ?1, due_at = ?2"
               " WHERE id = ?3 AND version = ?4 AND status <> 'ready'",
               message, context_.clock.unix_time() + kFailedRest, version.set_id,
               version.version) == 1;
  });
}

Result<std::vector<AgentSnapshot>> CatalogOutbox::unpublished_agents(std::string_view region,
                                                                     std::int64_t after_id,
                                                                     int at_most) {
  return context_.database->read(
      "find unpublished agents", [&](Transaction& tx) -> Result<std::vector<AgentSnapshot>> {
        std::vector<AgentSnapshot> snapshots;
        for (std::int64_t last_id = after_id; snapshots.empty();) {
          const Rows ids = tx.query(
              "SELECT id FROM agents WHERE region = ?1 AND revision > published_revision"
              " AND id > ?2 ORDER BY id LIMIT ?3",
              region, last_id, at_most);
          if (ids.empty()) break;
          for (const Row row : ids) {
            last_id = row.integer("id");
            auto snapshot = read_snapshot(tx, context_.authority, last_id);
            if (snapshot) snapshots.push_back(std::move(*snapshot));
          }
        }
        return snapshots;
      });
}

Result<void> CatalogOutbox::mark_published(std::int64_t agent_id, std::int64_t revision) {
  return context_.database->write_urgently(
      "mark agent published", [&](Transaction& tx) -> Result<void> {
        tx.execute(
            "UPDATE agents SET published_revision = ?1 WHERE id = ?2 AND published_revision < ?1",
            revision, agent_id);
        return {};
      });
}

Result<std::vector<PublishedAgent>> CatalogOutbox::list_agents(std::string_view region) {
  return context_.database->read(
      "list agents", [&](Transaction& tx) -> Result<std::vector<PublishedAgent>> {
        std::vector<PublishedAgent> agents;
        for (const Row row : tx.query("SELECT id, revision, published_revision, deleted FROM agents"
                                      " WHERE region = ?1",
                                      region)) {
          agents.push_back({.agent_id = row.integer("id"),
                            .revision = row.integer("revision"),
                            .published_revision = row.integer("published_revision"),
                            .deleted = row.boolean("deleted")});
        }
        return agents;
      });
}

Result<void> CatalogOutbox::publish_again(std::span<const AgentRevision> agents,
                                          const LeaseTerm& term) {
  return context_.database->write_urgently(
      "publish agents again", [&](Transaction& tx) -> Result<void> {
        if (auto ok = require_lease(tx, term); !ok) return ok;
        for (const AgentRevision& agent : agents) {
          tx.execute(
              "UPDATE agents SET revision ="
              " CASE WHEN revision > ?2 THEN revision ELSE ?2 END + 1 WHERE id = ?1",
              agent.agent_id, agent.revision);
        }
        return {};
      });
}

Result<ProvisionedVersion> CatalogOutbox::read_retained(std::string_view region,
                                                        const RetainedVersion& version) {
  return context_.database->read(
      "read retained version", [&](Transaction& tx) -> Result<ProvisionedVersion> {
        const Rows rows = tx.query(
            "SELECT id, organization_id, name, type, region, host, protected_by, code FROM sets s"
            " WHERE id = ?1 AND region = ?3 AND (version <> ?2 OR status = 'ready')"
            " AND EXISTS (SELECT 1 FROM retained_versions r WHERE r.set_id = ?1 AND r.version = "
            "?2)",
            version.set_id, version.version, region);
        if (rows.empty()) return fail(ErrorCode::not_found, "no such version any more");
        context_.authority.require(coded_set(rows.front()), stored_code(rows.front()));
        const PendingVersion found{.organization_id = rows.front().integer("organization_id"),
                                   .set_id = version.set_id,
                                   .set_name = rows.front().text("name"),
                                   .version = version.version};
        return open_version(tx, context_, found);
      });
}

Result<std::vector<RetainedVersion>> CatalogOutbox::retained_versions(std::string_view region) {
  return context_.database->read(
      "list retained versions", [&](Transaction& tx) -> Result<std::vector<RetainedVersion>> {
        const Rows rows = tx.query(
            "SELECT set_id, version FROM retained_versions WHERE region = ?1"
            " ORDER BY set_id, version",
            region);
        std::vector<RetainedVersion> versions;
        for (const Row row : rows) {
          versions.push_back({.set_id = row.integer("set_id"), .version = row.integer("version")});
        }
        return versions;
      });
}

Result<void> CatalogOutbox::drop_unneeded_values(std::string_view region, const LeaseTerm& term) {
  auto set_ids = sets_with_unneeded_values(*context_.database, region);
  if (!set_ids) return propagate(set_ids);
  for (const std::int64_t id : *set_ids) {
    auto dropped =
        context_.database->write_urgently("drop old values", [&](Transaction& tx) -> Result<void> {
          if (auto ok = require_lease(tx, term); !ok) return ok;
          drop_values_of(tx, id);
          return {};
        });
    if (!dropped) return dropped;
  }
  return {};
}

Result<void> CatalogOutbox::end_expired(std::string_view region, UnixMs now,
                                        const LeaseTerm& term) {
  auto agents = context_.database->read("find expired credentials",
                                        [&](Transaction& tx) -> Result<std::vector<std::int64_t>> {
                                          return agents_with_expired(tx, region, now);
                                        });
  if (!agents) return propagate(agents);
  if (agents->empty()) return {};
  return context_.database->write_urgently(
      "end expired credentials", [&](Transaction& tx) -> Result<void> {
        if (auto ok = require_lease(tx, term); !ok) return ok;
        for (const std::int64_t agent : agents_with_expired(tx, region, now)) {
          end_expired_of(tx, agent, now);
        }
        return {};
      });
}

void CatalogOutbox::announce(std::string_view region) { context_.database->notify(region); }

Result<std::unique_ptr<NoticeListener>> CatalogOutbox::listen(NoticeHandler has_work,
                                                              const Log& log) {
  return context_.database->listen(std::move(has_work), log);
}

Result<bool> CatalogOutbox::has_provisioned(std::string_view region) {
  return context_.database->read(
      "look for provisioned versions", [&](Transaction& tx) -> Result<bool> {
        return tx
            .query(
                "SELECT EXISTS (SELECT 1 FROM sets WHERE region = ?1 AND ready_version > 0)"
                " OR EXISTS (SELECT 1 FROM agents WHERE region = ?1 AND published_revision > 0"
                "   AND deleted = 0) AS provisioned",
                region)
            .front()
            .boolean("provisioned");
      });
}

}  // namespace agent_secrets::control_plane
