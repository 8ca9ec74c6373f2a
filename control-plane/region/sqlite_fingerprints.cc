// What a region store knows of values that it compares: keyed hashes (keys/value_cipher.h), kept
// for longer than the values.
#include <set>
#include <utility>

#include "control-plane/region/sqlite_region_store.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

ValueContext context_of(const ProvisionedVersion& version, const ProvisionedValue& value) {
  return {.organization_id = version.organization_id, .set_id = version.set_id, .key = value.key};
}

}  // namespace

void SqliteRegionStore::put_fingerprint(const ProvisionedVersion& version,
                                        const ProvisionedValue& value) {
  const Fingerprint print = cipher_.fingerprint(context_of(version, value), value.value);
  db_.query(
         "INSERT OR REPLACE INTO value_fingerprints (set_id, version, key, key_id, fingerprint)"
         " VALUES (?, ?, ?, ?, ?)",
         version.set_id, version.version, value.key, print.key_id, print.hash)
      .run();
}

// The newest few stay after their values are gone: instances may still run them. Of a set without a
// version nothing stays.
void SqliteRegionStore::drop_old_fingerprints(std::int64_t set_id) {
  db_.query(
         "DELETE FROM value_fingerprints WHERE set_id = ?1"
         "   AND version NOT IN (SELECT version FROM set_versions WHERE set_id = ?1)"
         "   AND (NOT EXISTS (SELECT 1 FROM set_versions WHERE set_id = ?1)"
         "        OR version NOT IN (SELECT DISTINCT version FROM value_fingerprints"
         "                            WHERE set_id = ?1 ORDER BY version DESC LIMIT ?2))",
         set_id, limits::kFingerprintsKept)
      .run();
}

// A version without keys has no rows; while its values would be there, that is known to be all.
std::optional<SqliteRegionStore::Fingerprints> SqliteRegionStore::read_fingerprints(
    std::int64_t set_id, std::int64_t version) {
  Fingerprints prints;
  auto rows = db_.query(
      "SELECT key, key_id, fingerprint FROM value_fingerprints WHERE set_id = ? AND version = ?",
      set_id, version);
  while (rows.step()) {
    prints.emplace(rows.text(0), Fingerprint{.key_id = rows.text(1), .hash = rows.blob(2)});
  }
  if (!prints.empty()) return prints;
  auto empty = db_.query(
      "SELECT 1 FROM set_versions s WHERE set_id = ?1 AND version = ?2 AND NOT EXISTS"
      " (SELECT 1 FROM set_values v WHERE v.set_id = ?1 AND v.version = ?2)",
      set_id, version);
  if (empty.step()) return prints;
  return std::nullopt;
}

Result<std::optional<std::vector<std::string>>> SqliteRegionStore::changed_keys(std::int64_t set_id,
                                                                                std::int64_t from,
                                                                                std::int64_t to) {
  using Keys = std::vector<std::string>;
  return db_.read("compare versions", [&]() -> Result<std::optional<Keys>> {
    const auto old = read_fingerprints(set_id, from);
    const auto now = read_fingerprints(set_id, to);
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

void SqliteRegionStore::add_missing_fingerprints() {
  std::vector<RetainedVersion> missing;
  (void)db_.read("list versions without fingerprints", [&]() -> Result<void> {
    auto rows = db_.query(
        "SELECT DISTINCT set_id, version FROM set_values v WHERE NOT EXISTS"
        " (SELECT 1 FROM value_fingerprints f WHERE f.set_id = v.set_id AND f.version = "
        "v.version)");
    while (rows.step()) missing.push_back({rows.integer(0), rows.integer(1)});
    return {};
  });
  for (const RetainedVersion& one : missing) {
    auto version = read_set_version(one.set_id, one.version);
    if (!version || !*version) continue;
    (void)db_.write("add fingerprints", [&]() -> Result<void> {
      for (const ProvisionedValue& value : (*version)->values) put_fingerprint(**version, value);
      return {};
    });
  }
}

}  // namespace agent_secrets::control_plane
