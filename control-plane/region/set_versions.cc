// The set versions of a region store.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "control-plane/region/database_region_store.h"
#include "control-plane/region/fence.h"
#include "control-plane/region/fingerprints.h"
#include "control-plane/region/reencryption.h"
#include "control-plane/region/stamp.h"

namespace agent_secrets::control_plane {
namespace {

ValueContext context_of(const ProvisionedVersion& version, const ProvisionedValue& value) {
  return {.organization_id = version.organization_id,
          .set_id = version.set_id,
          .key = value.key,
          .written_by = value.written_by,
          .served_as = version.version};
}

void put_value(Transaction& tx, const ValueCipher& cipher, const ProvisionedVersion& version,
               const ProvisionedValue& value) {
  const SealedValue sealed = cipher.seal(context_of(version, value), value.value);
  tx.execute_later(
      "INSERT INTO set_values (set_id, version, key, written_by, key_id, box)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      version.set_id, version.version, value.key, value.written_by, sealed.key_id, sealed.box);
}

}  // namespace

DatabaseRegionStore::DatabaseRegionStore(std::unique_ptr<Database> database,
                                         std::shared_ptr<CipherRing> keys, Authority authority)
    : database_(std::move(database)), keys_(std::move(keys)), authority_(std::move(authority)) {}

Result<void> DatabaseRegionStore::put_set_version(const ProvisionedVersion& version,
                                                  const LeaseTerm& term) {
  auto cipher = keys_->now();
  auto written = put_set_version(version, term, *cipher);
  if (!written) return propagate(written);
  if (*written) return {};
  cipher = keys_->newer_than(cipher);
  written = put_set_version(version, term, *cipher);
  if (!written) return propagate(written);
  if (*written) return {};
  return fail(ErrorCode::unavailable,
              fmt::format("write set version: data key {} has been ended", cipher->active_key()));
}

// Replaces the whole version, so a rewrite repairs the rows of a damaged version.
Result<bool> DatabaseRegionStore::put_set_version(const ProvisionedVersion& version,
                                                  const LeaseTerm& term,
                                                  const ValueCipher& cipher) {
  return database_->write("write set version", [&](Transaction& tx) -> Result<bool> {
    if (auto ok = accept_term(tx, term); !ok) return propagate(ok);
    if (is_ended(tx, cipher.active_key())) return false;
    tx.execute_later("DELETE FROM set_versions WHERE set_id = ?1 AND version = ?2", version.set_id,
                     version.version);
    tx.execute_later(
        "INSERT INTO set_versions (set_id, version, organization_id, set_name, stamp)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
        version.set_id, version.version, version.organization_id, version.set_name, new_stamp());
    tx.execute_later("DELETE FROM value_fingerprints WHERE set_id = ?1 AND version = ?2",
                     version.set_id, version.version);
    for (const ProvisionedValue& value : version.values) {
      put_value(tx, cipher, version, value);
      put_fingerprint(tx, cipher, version, value);
    }
    drop_old_fingerprints(tx, version.set_id);
    return true;
  });
}

std::vector<DatabaseRegionStore::StoredValue> DatabaseRegionStore::read_values(
    Transaction& tx, std::int64_t set_id, std::int64_t version) {
  std::vector<StoredValue> values;
  for (const Row row : tx.query(
           "SELECT key, written_by, key_id, box FROM set_values WHERE set_id = ?1 AND version = ?2"
           " ORDER BY key",
           set_id, version)) {
    values.push_back({.key = row.text("key"),
                      .written_by = row.integer("written_by"),
                      .sealed = {.key_id = row.text("key_id"), .box = row.blob("box")}});
  }
  return values;
}

std::shared_ptr<const ValueCipher> DatabaseRegionStore::cipher_for(
    std::span<const StoredValue> values) {
  auto cipher = keys_->now();
  const bool has_all = std::ranges::all_of(
      values, [&](const StoredValue& value) { return cipher->has_key(value.sealed.key_id); });
  return has_all ? cipher : keys_->newer_than(cipher);
}

Result<std::vector<ProvisionedValue>> DatabaseRegionStore::open_values(
    const ProvisionedVersion& version, std::span<const StoredValue> stored) {
  const auto cipher = cipher_for(stored);
  std::size_t plaintext_size = 0;
  for (const auto& value : stored) plaintext_size += ValueCipher::plaintext_size(value.sealed);
  // One allocation for all values: each guarded allocation takes several system calls.
  SecretSlab slab(plaintext_size);
  std::vector<ProvisionedValue> values;
  for (const auto& [key, written_by, box] : stored) {
    ProvisionedValue value{.key = key, .written_by = written_by, .value = {}};
    auto opened = cipher->open(context_of(version, value), box, &slab);
    if (!opened) return propagate(opened);
    value.value = std::move(*opened);
    values.push_back(std::move(value));
  }
  return values;
}

// The values are decrypted after the transaction, which may not load keys.
Result<std::optional<ProvisionedVersion>> DatabaseRegionStore::read_set_version(
    std::int64_t set_id, std::int64_t version) {
  struct Stored {
    ProvisionedVersion version;
    std::vector<StoredValue> values;
  };
  auto stored =
      database_->read("read set version", [&](Transaction& tx) -> Result<std::optional<Stored>> {
        const Rows rows = tx.query(
            "SELECT organization_id, set_name FROM set_versions WHERE set_id = ?1 AND version = ?2",
            set_id, version);
        if (rows.empty()) return std::nullopt;
        const Row row = rows.front();
        return Stored{.version = {.organization_id = row.integer("organization_id"),
                                  .set_id = set_id,
                                  .set_name = row.text("set_name"),
                                  .version = version,
                                  .values = {}},
                      .values = read_values(tx, set_id, version)};
      });
  if (!stored) return propagate(stored);
  if (!*stored) return std::nullopt;
  ProvisionedVersion& found = (*stored)->version;
  auto values = open_values(found, (*stored)->values);
  if (!values) return propagate(values, "read set version");
  found.values = std::move(*values);
  return std::move(found);
}

// The values are decrypted under the organization of the pin, which the authority code of the
// snapshot proves: values of another organization do not decrypt.
Result<std::optional<OpenedVersion>> DatabaseRegionStore::open_pinned(const PinnedSet& set) {
  struct Stored {
    std::int64_t stamp = 0;
    std::vector<StoredValue> values;
  };
  auto stored =
      database_->read("read pinned version", [&](Transaction& tx) -> Result<std::optional<Stored>> {
        auto stamps =
            tx.query_later("SELECT stamp FROM set_versions WHERE set_id = ?1 AND version = ?2",
                           set.set_id, set.version);
        auto values = read_values(tx, set.set_id, set.version);
        if (stamps.get().empty()) return std::nullopt;
        return Stored{.stamp = stamps.get().front().integer("stamp"), .values = std::move(values)};
      });
  if (!stored) return propagate(stored);
  if (!*stored) return std::nullopt;
  ProvisionedVersion version{.organization_id = set.organization_id,
                             .set_id = set.set_id,
                             .set_name = set.name,
                             .version = set.version,
                             .values = {}};
  auto values = open_values(version, (*stored)->values);
  if (!values) return propagate(values);
  version.values = std::move(*values);
  return OpenedVersion{.version = std::move(version), .stamp = (*stored)->stamp};
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

// A rotation may have begun since the keys were loaded.
Result<std::optional<std::string>> DatabaseRegionStore::find_missing_key() {
  using Ids = std::vector<std::string>;
  auto ids = database_->read("list the keys of values", [](Transaction& tx) -> Result<Ids> {
    Ids found;
    for (const Row row : tx.query("SELECT DISTINCT key_id FROM set_values")) {
      found.push_back(row.text("key_id"));
    }
    return found;
  });
  if (!ids) return propagate(ids);
  auto cipher = keys_->now();
  const auto is_missing = [&](const std::string& id) { return !cipher->has_key(id); };
  if (std::ranges::any_of(*ids, is_missing)) cipher = keys_->newer_than(cipher);
  const auto missing = std::ranges::find_if(*ids, is_missing);
  if (missing == ids->end()) return std::nullopt;
  return std::move(*missing);
}

}  // namespace agent_secrets::control_plane
