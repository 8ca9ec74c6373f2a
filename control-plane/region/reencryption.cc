#include "control-plane/region/reencryption.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control-plane/model/set_version.h"
#include "control-plane/region/fingerprints.h"
#include "control-plane/region/stamp.h"

namespace agent_secrets::control_plane {
namespace {

std::optional<std::int64_t> find_set(Transaction& tx, std::string_view key) {
  const Rows rows = tx.query(
      "SELECT set_id FROM set_values WHERE key_id = ?1"
      " UNION ALL SELECT set_id FROM value_fingerprints WHERE key_id = ?1 LIMIT 1",
      key);
  if (rows.empty()) return std::nullopt;
  return rows.front().integer("set_id");
}

// Without their values: a transaction reads the values of one version at a time.
std::vector<ProvisionedVersion> list_versions(Transaction& tx, std::int64_t set_id,
                                              std::string_view key) {
  std::vector<ProvisionedVersion> versions;
  for (const Row row : tx.query("SELECT version, organization_id, set_name FROM set_versions s"
                                " WHERE set_id = ?1 AND EXISTS (SELECT 1 FROM set_values v"
                                "   WHERE v.set_id = ?1 AND v.version = s.version"
                                "     AND v.key_id = ?2)",
                                set_id, key)) {
    versions.push_back({.organization_id = row.integer("organization_id"),
                        .set_id = set_id,
                        .set_name = row.text("set_name"),
                        .version = row.integer("version"),
                        .values = {}});
  }
  return versions;
}

Result<void> reencrypt(Transaction& tx, const ValueCipher& cipher,
                       const ProvisionedVersion& version, std::string_view old_key) {
  for (const Row row : tx.query("SELECT key, written_by, key_id, box FROM set_values"
                                " WHERE set_id = ?1 AND version = ?2 AND key_id = ?3",
                                version.set_id, version.version, old_key)) {
    ProvisionedValue value{
        .key = row.text("key"), .written_by = row.integer("written_by"), .value = {}};
    const ValueContext context{.organization_id = version.organization_id,
                               .set_id = version.set_id,
                               .key = value.key,
                               .written_by = value.written_by,
                               .served_as = version.version};
    auto opened = cipher.open(context, {.key_id = row.text("key_id"), .box = row.blob("box")});
    if (!opened) return propagate(opened, "set " + version.set_name);
    value.value = std::move(*opened);
    const SealedValue sealed = cipher.seal(context, value.value);
    tx.execute_later(
        "UPDATE set_values SET key_id = ?4, box = ?5"
        " WHERE set_id = ?1 AND version = ?2 AND key = ?3",
        version.set_id, version.version, value.key, sealed.key_id, sealed.box);
    put_fingerprint(tx, cipher, version, value);
  }
  tx.execute_later("UPDATE set_versions SET stamp = ?3 WHERE set_id = ?1 AND version = ?2",
                   version.set_id, version.version, new_stamp());
  return {};
}

}  // namespace

Result<bool> reencrypt_next_set(Database& store, const ValueCipher& cipher,
                                std::string_view old_key) {
  return store.write("encrypt values anew", [&](Transaction& tx) -> Result<bool> {
    const auto set_id = find_set(tx, old_key);
    if (!set_id) return false;
    if (is_ended(tx, cipher.active_key())) {
      return fail(ErrorCode::conflict, "another rotation has begun", "run the command again");
    }
    for (const ProvisionedVersion& version : list_versions(tx, *set_id, old_key)) {
      if (auto done = reencrypt(tx, cipher, version, old_key); !done) return propagate(done);
    }
    tx.execute("DELETE FROM value_fingerprints WHERE set_id = ?1 AND key_id = ?2", *set_id,
               old_key);
    return true;
  });
}

Result<bool> end_data_key(Database& store, std::string_view key) {
  return store.write("end a data key", [&](Transaction& tx) -> Result<bool> {
    if (count_under_key(tx, key) > 0) return false;
    tx.execute("INSERT INTO ended_data_keys (id) VALUES (?1) ON CONFLICT (id) DO NOTHING", key);
    return true;
  });
}

std::int64_t count_under_key(Transaction& tx, std::string_view key) {
  const Rows rows = tx.query(
      "SELECT (SELECT count(*) FROM set_values WHERE key_id = ?1)"
      " + (SELECT count(*) FROM value_fingerprints WHERE key_id = ?1) AS total",
      key);
  return rows.front().integer("total");
}

bool is_ended(Transaction& tx, std::string_view key) {
  return !tx.query("SELECT 1 FROM ended_data_keys WHERE id = ?1", key).empty();
}

}  // namespace agent_secrets::control_plane
