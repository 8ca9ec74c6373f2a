// Reads the parts of a bundle in one round trip to the database.
#include <algorithm>
#include <utility>

#include "control-plane/region/coded_snapshot.h"
#include "control-plane/region/database_region_store.h"

namespace agent_secrets::control_plane {
namespace {

AgentSnapshot read_agent(const Row& row) {
  return {.agent_id = row.integer("agent_id"),
          .revision = row.integer("revision"),
          .sequence = row.integer("sequence"),
          .organization = row.text("organization"),
          .agent = row.text("name"),
          .deleted = row.boolean("deleted"),
          .deployment_id = row.text("deployment_id"),
          .sets = {},
          .credentials = {}};
}

// `rows` has one row for each value. A set without values has one row, and so has a pin whose
// version is gone.
void read_sets(const Rows& rows, BundleParts& parts) {
  std::vector<PinnedSet>& pins = parts.agent->sets;
  for (const Row row : rows) {
    const std::int64_t set_id = row.integer("set_id");
    if (pins.empty() || pins.back().set_id != set_id) {
      pins.push_back({.organization_id = row.integer("organization_id"),
                      .set_id = set_id,
                      .name = row.text("name"),
                      .version = row.integer("version"),
                      .latest_version = row.integer("latest_version"),
                      .changed_keys = {}});
      if (row.is_null("stored_by")) continue;
      parts.sets.push_back({.organization_id = row.integer("stored_by"),
                            .set_id = set_id,
                            .version = row.integer("version"),
                            .values = {}});
      if (parts.sets.size() == 1) parts.sets.front().values.reserve(rows.size());
    }
    if (row.is_null("key")) continue;
    parts.sets.back().values.push_back(
        {.key = row.text("key"),
         .written_by = row.integer("written_by"),
         .sealed = {.key_id = row.text("key_id"), .box = row.blob("box")}});
  }
}

}  // namespace

Result<std::optional<BundleParts>> DatabaseRegionStore::find_bundle_parts(std::string_view kid) {
  return database_->read(
      "find the parts of a bundle", [&](Transaction& tx) -> Result<std::optional<BundleParts>> {
        auto owners = tx.query_later(
            "SELECT c.agent_id, c.kid, c.signing_key, c.box_key, c.revoked, c.expires_at, c.code,"
            " a.revision, a.sequence, a.organization, a.name, a.deleted, a.deployment_id,"
            " a.code AS snapshot_code"
            " FROM credentials c JOIN agents a ON a.id = c.agent_id WHERE c.kid = ?1",
            kid);
        const Rows values = tx.query(
            "SELECT p.organization_id, p.set_id, p.name, p.version, p.latest_version,"
            " s.organization_id AS stored_by, v.key, v.written_by, v.key_id, v.box"
            " FROM credentials c JOIN agent_sets p ON p.agent_id = c.agent_id"
            " LEFT JOIN set_versions s ON s.set_id = p.set_id AND s.version = p.version"
            " LEFT JOIN set_values v ON v.set_id = s.set_id AND v.version = s.version"
            " WHERE c.kid = ?1 AND c.revoked = 0 ORDER BY p.name, p.set_id, v.key",
            kid);
        if (owners.get().empty()) return std::nullopt;
        const Row row = owners.get().front();
        auto owner = read_owner(row, authority_);
        if (!owner) return std::nullopt;
        BundleParts parts{.owner = std::move(*owner), .agent = {}, .sets = {}};
        if (parts.owner.credential.revoked) return parts;  // the query has not read the pins
        parts.agent = read_agent(row);
        read_sets(values, parts);
        authority_.require(coded_snapshot(*parts.agent), stored_code(row, "snapshot_code"));
        return parts;
      });
}

Result<std::optional<ProvisionedVersion>> DatabaseRegionStore::open_pinned(const BundleParts& parts,
                                                                           const PinnedSet& set) {
  const auto stored = std::ranges::find(parts.sets, set.set_id, &BundleParts::Set::set_id);
  if (stored == parts.sets.end()) return std::nullopt;
  // The organization of the pin, which the code of the snapshot proves: values of another
  // organization do not open.
  ProvisionedVersion version{.organization_id = set.organization_id,
                             .set_id = stored->set_id,
                             .set_name = set.name,
                             .version = stored->version,
                             .values = {}};
  auto values = open_values(version, stored->values);
  if (!values) return propagate(values);
  version.values = std::move(*values);
  return version;
}

}  // namespace agent_secrets::control_plane
