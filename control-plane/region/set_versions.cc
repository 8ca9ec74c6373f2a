// The set versions of a region store.
#include <set>
#include <utility>

#include "control-plane/region/database_region_store.h"
#include "control-plane/region/fence.h"

namespace agent_secrets::control_plane {
namespace {

ValueContext context_of(const ProvisionedVersion& version, const ProvisionedValue& value) {
  return {.organization_id = version.organization_id,
          .set_id = version.set_id,
          .key = value.key,
          .written_by = value.written_by,
          .served_as = version.version};
}

}  // namespace

DatabaseRegionStore::DatabaseRegionStore(std::unique_ptr<Database> database, ValueCipher cipher,
                                         Authority authority)
    : database_(std::move(database)),
      cipher_(std::move(cipher)),
      authority_(std::move(authority)) {}

void DatabaseRegionStore::put_value(Transaction& tx, const ProvisionedVersion& version,
                                    const ProvisionedValue& value) {
  const SealedValue sealed = cipher_.seal(context_of(version, value), value.value);
  tx.execute_later(
      "INSERT INTO set_values (set_id, version, key, written_by, key_id, box)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      version.set_id, version.version, value.key, value.written_by, sealed.key_id, sealed.box);
}

// Replaces the whole version, so a rewrite repairs the rows of a damaged version.
Result<void> DatabaseRegionStore::put_set_version(const ProvisionedVersion& version,
                                                  const LeaseTerm& term) {
  return database_->write("write set version", [&](Transaction& tx) -> Result<void> {
    if (auto ok = accept_term(tx, term); !ok) return ok;
    tx.execute_later("DELETE FROM set_versions WHERE set_id = ?1 AND version = ?2", version.set_id,
                     version.version);
    tx.execute_later(
        "INSERT INTO set_versions (set_id, version, organization_id, set_name)"
        " VALUES (?1, ?2, ?3, ?4)",
        version.set_id, version.version, version.organization_id, version.set_name);
    tx.execute_later("DELETE FROM value_fingerprints WHERE set_id = ?1 AND version = ?2",
                     version.set_id, version.version);
    for (const ProvisionedValue& value : version.values) {
      put_value(tx, version, value);
      put_fingerprint(tx, version, value);
    }
    drop_old_fingerprints(tx, version.set_id);
    return {};
  });
}

Result<std::vector<ProvisionedValue>> DatabaseRegionStore::open_values(
    Transaction& tx, const ProvisionedVersion& version) {
  std::vector<BundleParts::Value> sealed;
  for (const Row row : tx.query(
           "SELECT key, written_by, key_id, box FROM set_values WHERE set_id = ?1 AND version = ?2"
           " ORDER BY key",
           version.set_id, version.version)) {
    sealed.push_back({.key = row.text("key"),
                      .written_by = row.integer("written_by"),
                      .sealed = {.key_id = row.text("key_id"), .box = row.blob("box")}});
  }
  return open_values(version, sealed);
}

Result<std::vector<ProvisionedValue>> DatabaseRegionStore::open_values(
    const ProvisionedVersion& version, std::span<const BundleParts::Value> sealed) {
  std::size_t plaintext_size = 0;
  for (const auto& value : sealed) plaintext_size += ValueCipher::plaintext_size(value.sealed);
  // One allocation for all values, because a bundle is read at every start of an instance.
  SecretSlab slab(plaintext_size);
  std::vector<ProvisionedValue> values;
  for (const auto& [key, written_by, box] : sealed) {
    ProvisionedValue value{.key = key, .written_by = written_by, .value = {}};
    auto opened = cipher_.open(context_of(version, value), box, &slab);
    if (!opened) return propagate(opened);
    value.value = std::move(*opened);
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::optional<ProvisionedVersion>> DatabaseRegionStore::read_set_version(
    std::int64_t set_id, std::int64_t version) {
  return database_->read(
      "read set version", [&](Transaction& tx) -> Result<std::optional<ProvisionedVersion>> {
        const Rows rows = tx.query(
            "SELECT organization_id, set_name FROM set_versions WHERE set_id = ?1 AND version = ?2",
            set_id, version);
        if (rows.empty()) return std::nullopt;
        const Row row = rows.front();
        ProvisionedVersion found{.organization_id = row.integer("organization_id"),
                                 .set_id = set_id,
                                 .set_name = row.text("set_name"),
                                 .version = version,
                                 .values = {}};
        auto values = open_values(tx, found);
        if (!values) return propagate(values);
        found.values = std::move(*values);
        return found;
      });
}

Result<std::vector<RetainedVersion>> DatabaseRegionStore::list_set_versions() {
  return database_->read(
      "list set versions", [](Transaction& tx) -> Result<std::vector<RetainedVersion>> {
        std::vector<RetainedVersion> versions;
        for (const Row row :
             tx.query("SELECT set_id, version FROM set_versions ORDER BY set_id, version")) {
          versions.push_back({.set_id = row.integer("set_id"), .version = row.integer("version")});
        }
        return versions;
      });
}

// Each version is dropped in its own transaction: deleted values are overwritten first
// (secure_delete), and a full disk has no space to do this for many versions at once.
Result<void> DatabaseRegionStore::retain_only(std::span<const RetainedVersion> versions,
                                              const LeaseTerm& term) {
  auto stored = list_set_versions();
  if (!stored) return propagate(stored);
  const std::set<RetainedVersion> retained(versions.begin(), versions.end());
  for (const RetainedVersion& row : *stored) {
    if (retained.contains(row)) continue;
    auto gone =
        database_->write_urgently("drop old set version", [&](Transaction& tx) -> Result<void> {
          if (auto ok = accept_term(tx, term); !ok) return ok;
          tx.execute_later("DELETE FROM set_versions WHERE set_id = ?1 AND version = ?2",
                           row.set_id, row.version);
          drop_old_fingerprints(tx, row.set_id);
          return {};
        });
    if (!gone) return gone;
  }
  return {};
}

Result<std::optional<std::string>> DatabaseRegionStore::find_missing_key() {
  using Found = Result<std::optional<std::string>>;
  return database_->read("list the keys of values", [&](Transaction& tx) -> Found {
    for (const Row row : tx.query("SELECT DISTINCT key_id FROM set_values")) {
      if (std::string id = row.text("key_id"); !cipher_.has_key(id)) return id;
    }
    return std::nullopt;
  });
}

}  // namespace agent_secrets::control_plane
