// The set versions of a region store.
#include <set>
#include <utility>

#include "control-plane/region/sqlite_region_store.h"

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

SqliteRegionStore::SqliteRegionStore(std::unique_ptr<SqliteConnection> connection,
                                     ValueCipher cipher)
    : connection_(std::move(connection)), db_(*connection_), cipher_(std::move(cipher)) {}

void SqliteRegionStore::put_value(const ProvisionedVersion& version,
                                  const ProvisionedValue& value) {
  const SealedValue sealed = cipher_.seal(context_of(version, value), value.value);
  db_.query(
         "INSERT INTO set_values (set_id, version, key, written_by, key_id, box)"
         " VALUES (?, ?, ?, ?, ?, ?)",
         version.set_id, version.version, value.key, value.written_by, sealed.key_id, sealed.box)
      .run();
}

// Written whole each time: what an interrupted or damaged earlier attempt left is replaced.
Result<void> SqliteRegionStore::put_set_version(const ProvisionedVersion& version) {
  return db_.write("write set version", [&]() -> Result<void> {
    db_.query("DELETE FROM set_versions WHERE set_id = ? AND version = ?", version.set_id,
              version.version)
        .run();
    db_.query(
           "INSERT INTO set_versions (set_id, version, organization_id, set_name)"
           " VALUES (?, ?, ?, ?)",
           version.set_id, version.version, version.organization_id, version.set_name)
        .run();
    db_.query("DELETE FROM value_fingerprints WHERE set_id = ? AND version = ?", version.set_id,
              version.version)
        .run();
    for (const ProvisionedValue& value : version.values) {
      put_value(version, value);
      put_fingerprint(version, value);
    }
    drop_old_fingerprints(version.set_id);
    return {};
  });
}

Result<std::vector<ProvisionedValue>> SqliteRegionStore::open_values(
    const ProvisionedVersion& version) {
  auto rows = db_.query(
      "SELECT key, written_by, key_id, box FROM set_values WHERE set_id = ? AND version = ?"
      " ORDER BY key",
      version.set_id, version.version);
  std::vector<ProvisionedValue> values;
  std::vector<SealedValue> sealed;
  std::size_t plaintext_size = 0;
  while (rows.step()) {
    values.push_back({.key = rows.text(0), .written_by = rows.integer(1), .value = {}});
    sealed.push_back({.key_id = rows.text(2), .box = rows.blob(3)});
    plaintext_size += ValueCipher::plaintext_size(sealed.back());
  }
  // A bundle is read for every start of an instance.
  SecretSlab slab(plaintext_size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto opened = cipher_.open(context_of(version, values[i]), sealed[i], &slab);
    if (!opened) return propagate(opened);
    values[i].value = std::move(*opened);
  }
  return values;
}

Result<std::optional<ProvisionedVersion>> SqliteRegionStore::read_set_version(
    std::int64_t set_id, std::int64_t version) {
  return db_.read("read set version", [&]() -> Result<std::optional<ProvisionedVersion>> {
    auto row = db_.query(
        "SELECT organization_id, set_name FROM set_versions WHERE set_id = ? AND version = ?",
        set_id, version);
    if (!row.step()) return std::nullopt;
    ProvisionedVersion found{.organization_id = row.integer(0),
                             .set_id = set_id,
                             .set_name = row.text(1),
                             .version = version,
                             .values = {}};
    auto values = open_values(found);
    if (!values) return propagate(values);
    found.values = std::move(*values);
    return found;
  });
}

Result<std::vector<RetainedVersion>> SqliteRegionStore::versions_without(
    std::span<const RetainedVersion> kept) {
  std::set<std::pair<std::int64_t, std::int64_t>> retained;
  for (const RetainedVersion& version : kept) retained.emplace(version.set_id, version.version);
  return db_.read("list set versions", [&]() -> Result<std::vector<RetainedVersion>> {
    std::vector<RetainedVersion> others;
    auto rows = db_.query("SELECT set_id, version FROM set_versions");
    while (rows.step()) {
      const RetainedVersion row{.set_id = rows.integer(0), .version = rows.integer(1)};
      if (!retained.contains({row.set_id, row.version})) others.push_back(row);
    }
    return others;
  });
}

// A version takes a transaction of its own: what is deleted is overwritten first (secure_delete),
// and a full disk has no room for many at once.
Result<void> SqliteRegionStore::retain_only(std::span<const RetainedVersion> versions) {
  auto dropped = versions_without(versions);
  if (!dropped) return propagate(dropped);
  for (const RetainedVersion& row : *dropped) {
    auto gone = db_.write_urgently("drop old set version", [&]() -> Result<void> {
      db_.query("DELETE FROM set_versions WHERE set_id = ? AND version = ?", row.set_id,
                row.version)
          .run();
      drop_old_fingerprints(row.set_id);
      return {};
    });
    if (!gone) return gone;
  }
  return {};
}

}  // namespace agent_secrets::control_plane
