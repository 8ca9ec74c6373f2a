// The fingerprints of values in a region store: keyed hashes (keys/value_cipher.h), with which it
// compares versions. They are kept for longer than the values.
#include "control-plane/region/fingerprints.h"

#include <map>
#include <set>
#include <utility>

#include "control-plane/region/database_region_store.h"
#include "control-plane/region/reencryption.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

ValueContext context_of(const ProvisionedVersion& version, const ProvisionedValue& value) {
  return {.organization_id = version.organization_id, .set_id = version.set_id, .key = value.key};
}

using Fingerprints = std::map<std::string, Fingerprint>;  // by key

// Absent if they are no longer kept. A version without keys has no fingerprints: the result is
// empty while the version exists.
std::optional<Fingerprints> read_fingerprints(Transaction& tx, std::int64_t set_id,
                                              std::int64_t version) {
  Fingerprints prints;
  for (const Row row : tx.query("SELECT key, key_id, fingerprint FROM value_fingerprints"
                                " WHERE set_id = ?1 AND version = ?2",
                                set_id, version)) {
    prints.emplace(row.text("key"),
                   Fingerprint{.key_id = row.text("key_id"), .hash = row.blob("fingerprint")});
  }
  if (!prints.empty()) return prints;
  const bool has_no_keys =
      !tx.query(
             "SELECT 1 FROM set_versions s WHERE set_id = ?1 AND version = ?2 AND NOT EXISTS"
             " (SELECT 1 FROM set_values v WHERE v.set_id = ?1 AND v.version = ?2)",
             set_id, version)
           .empty();
  if (has_no_keys) return prints;
  return std::nullopt;
}

}  // namespace

void put_fingerprint(Transaction& tx, const ValueCipher& cipher, const ProvisionedVersion& version,
                     const ProvisionedValue& value) {
  const Fingerprint print = cipher.fingerprint(context_of(version, value), value.value);
  tx.execute_later(
      "INSERT INTO value_fingerprints (set_id, version, key, key_id, fingerprint)"
      " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (set_id, version, key) DO UPDATE SET"
      " key_id = excluded.key_id, fingerprint = excluded.fingerprint",
      version.set_id, version.version, value.key, print.key_id, print.hash);
}

// Keeps the fingerprints of the newest limits::kFingerprintsKept versions after their values are
// deleted, because instances may still run these versions. A set without versions keeps none.
void DatabaseRegionStore::drop_old_fingerprints(Transaction& tx, std::int64_t set_id) {
  tx.execute_later(
      "DELETE FROM value_fingerprints WHERE set_id = ?1"
      "   AND version NOT IN (SELECT version FROM set_versions WHERE set_id = ?1)"
      "   AND (NOT EXISTS (SELECT 1 FROM set_versions WHERE set_id = ?1)"
      "        OR version NOT IN (SELECT DISTINCT version FROM value_fingerprints"
      "                            WHERE set_id = ?1 ORDER BY version DESC LIMIT ?2))",
      set_id, limits::kFingerprintsKept);
}

Result<std::optional<std::vector<std::string>>> DatabaseRegionStore::changed_keys(
    std::int64_t set_id, std::int64_t from, std::int64_t to) {
  using Keys = std::vector<std::string>;
  return database_->read("compare versions", [&](Transaction& tx) -> Result<std::optional<Keys>> {
    const auto old = read_fingerprints(tx, set_id, from);
    const auto now = read_fingerprints(tx, set_id, to);
    if (!old || !now) return std::nullopt;
    std::set<std::string> changed;
    for (const auto& [key, print] : *old) {
      const auto other = now->find(key);
      if (other == now->end() || other->second.hash != print.hash) changed.insert(key);
      if (other != now->end() && other->second.key_id != print.key_id) return std::nullopt;
    }
    for (const auto& [key, print] : *now) {
      if (!old->contains(key)) changed.insert(key);
    }
    return Keys(changed.begin(), changed.end());
  });
}

Result<std::vector<RetainedVersion>> DatabaseRegionStore::versions_without_fingerprints() {
  return database_->read(
      "list versions without fingerprints",
      [](Transaction& tx) -> Result<std::vector<RetainedVersion>> {
        std::vector<RetainedVersion> missing;
        for (const Row row :
             tx.query("SELECT DISTINCT set_id, version FROM set_values v WHERE NOT EXISTS"
                      " (SELECT 1 FROM value_fingerprints f"
                      "   WHERE f.set_id = v.set_id AND f.version = v.version)")) {
          missing.push_back({.set_id = row.integer("set_id"), .version = row.integer("version")});
        }
        return missing;
      });
}

void DatabaseRegionStore::add_missing_fingerprints() {
  const auto missing = versions_without_fingerprints();
  if (!missing) return;
  for (const RetainedVersion& one : *missing) {
    auto version = read_set_version(one.set_id, one.version);
    if (!version || !*version) continue;
    const auto cipher = keys_->now();
    (void)database_->write("add fingerprints", [&](Transaction& tx) -> Result<void> {
      if (is_ended(tx, cipher->active_key())) return {};
      for (const ProvisionedValue& value : (*version)->values) {
        put_fingerprint(tx, *cipher, **version, value);
      }
      return {};
    });
  }
}

}  // namespace agent_secrets::control_plane
