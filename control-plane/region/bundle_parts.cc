// Reads the facts of a bundle in one round trip to the database.
#include <algorithm>
#include <tuple>
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

// `rows` has one row for each pin. If its version is gone, there is no stamp.
void read_pins(const Rows& rows, BundleParts& parts) {
  std::vector<PinnedSet>& pins = parts.agent->sets;
  for (const Row row : rows) {
    const PinnedSet& pin =
        pins.emplace_back(PinnedSet{.organization_id = row.integer("organization_id"),
                                    .set_id = row.integer("set_id"),
                                    .name = row.text("name"),
                                    .version = row.integer("version"),
                                    .latest_version = row.integer("latest_version"),
                                    .changed_keys = {}});
    if (row.is_null("stamp")) continue;
    parts.versions.push_back(
        {.set_id = pin.set_id, .version = pin.version, .stamp = row.integer("stamp")});
  }
  std::ranges::sort(pins, {}, [](const PinnedSet& pin) { return std::tie(pin.name, pin.set_id); });
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
        const Rows pins = tx.query(
            "SELECT p.organization_id, p.set_id, p.name, p.version, p.latest_version, s.stamp"
            " FROM credentials c JOIN agent_sets p ON p.agent_id = c.agent_id"
            " LEFT JOIN set_versions s ON s.set_id = p.set_id AND s.version = p.version"
            " WHERE c.kid = ?1 AND c.revoked = 0",
            kid);
        if (owners.get().empty()) return std::nullopt;
        const Row row = owners.get().front();
        auto owner = read_owner(row, authority_);
        if (!owner) return std::nullopt;
        BundleParts parts{.owner = std::move(*owner), .agent = {}, .versions = {}};
        if (parts.owner.credential.revoked) return parts;  // the query has not read the pins
        parts.agent = read_agent(row);
        read_pins(pins, parts);
        authority_.require(coded_snapshot(*parts.agent), stored_code(row, "snapshot_code"));
        return parts;
      });
}

}  // namespace agent_secrets::control_plane
