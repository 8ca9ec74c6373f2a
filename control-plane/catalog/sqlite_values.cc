// The encrypted values of sets, as intervals of versions: a row is live from the version that wrote
// it up to the version that removed it, so a version is a view and nothing is copied.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/rules.h"
#include "control-plane/catalog/sqlite_catalog.h"
#include "control-plane/keys/aead.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

bool SqliteCatalog::remove_value(const SetRow& row, std::string_view key) {
  return db_.query(
                "UPDATE set_values SET removed_by = ?"
                " WHERE set_id = ? AND key = ? AND removed_by IS NULL",
                row.set.version + 1, row.set.id, key)
             .run() == 1;
}

// Decrypts the one row that it replaces, and no other. A value that does not open is replaced
// too: rewriting it repairs it.
Result<bool> SqliteCatalog::write_value(const SetRow& row, const SecretPair& pair) {
  ValueContext context{
      .organization_id = row.organization_id, .set_id = row.set.id, .key = pair.key};
  std::int64_t position = -1;
  {
    auto live = db_.query(
        "SELECT written_by, key_id, box, position FROM set_values"
        " WHERE set_id = ? AND key = ? AND removed_by IS NULL",
        row.set.id, pair.key);
    if (live.step()) {
      context.written_by = live.integer(0);
      const auto old = cipher_.open(context, {.key_id = live.text(1), .box = live.blob(2)});
      if (old && old->same_content(pair.value)) return false;
      position = live.integer(3);
    }
  }
  remove_value(row, pair.key);
  context.written_by = row.set.version + 1;
  const SealedValue sealed = cipher_.seal(context, pair.value);
  db_.query(
         "INSERT INTO set_values (set_id, key, written_by, position, key_id, box)"
         " VALUES (?1, ?2, ?3, CASE WHEN ?4 >= 0 THEN ?4 ELSE"
         " (SELECT coalesce(max(position), 0) + 1 FROM set_values WHERE set_id = ?1) END,"
         " ?5, ?6)",
         row.set.id, pair.key, context.written_by, position, sealed.key_id, sealed.box)
      .run();
  return true;
}

std::vector<std::string> SqliteCatalog::live_keys(std::int64_t set_id) {
  auto rows = db_.query(
      "SELECT key FROM set_values WHERE set_id = ? AND removed_by IS NULL ORDER BY position",
      set_id);
  std::vector<std::string> keys;
  while (rows.step()) keys.push_back(rows.text(0));
  return keys;
}

std::vector<std::string> SqliteCatalog::keys_of_version(std::int64_t set_id, std::int64_t version) {
  auto rows = db_.query(
      "SELECT key FROM set_values WHERE set_id = ?1 AND written_by <= ?2"
      " AND (removed_by IS NULL OR removed_by > ?2) ORDER BY position",
      set_id, version);
  std::vector<std::string> keys;
  while (rows.step()) keys.push_back(rows.text(0));
  return keys;
}

// Sizes are those of the boxes: nothing is decrypted.
Result<void> SqliteCatalog::check_set_size(const SetRow& row, std::string_view last_key) {
  auto totals = db_.query(
      "SELECT count(*), coalesce(sum(length(CAST(key AS BLOB)) + length(box) - ?), 0)"
      " FROM set_values WHERE set_id = ? AND removed_by IS NULL",
      static_cast<std::int64_t>(kAeadOverhead - pair_bytes(0, 0)), row.set.id);
  totals.step();
  if (totals.integer(0) > static_cast<std::int64_t>(limits::kKeysPerSet)) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} cannot take {}: a set has at most {} keys.",
                            shown(row.set.name), shown(last_key), limits::kKeysPerSet));
  }
  if (totals.integer(1) > static_cast<std::int64_t>(limits::kSetBytes)) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} cannot take {}: a set has at most {} bytes.",
                            shown(row.set.name), shown(last_key), limits::kSetBytes));
  }
  return {};
}

Result<std::vector<ProvisionedValue>> SqliteCatalog::open_values(const PendingVersion& version) {
  auto rows = db_.query(
      "SELECT key, written_by, key_id, box FROM set_values WHERE set_id = ?1 AND written_by <= ?2"
      " AND (removed_by IS NULL OR removed_by > ?2) ORDER BY key",
      version.set_id, version.version);
  std::vector<ProvisionedValue> values;
  while (rows.step()) {
    ProvisionedValue value{.key = rows.text(0), .written_by = rows.integer(1), .value = {}};
    const ValueContext context{.organization_id = version.organization_id,
                               .set_id = version.set_id,
                               .key = value.key,
                               .written_by = value.written_by};
    auto opened = cipher_.open(context, {.key_id = rows.text(2), .box = rows.blob(3)});
    if (!opened) return propagate(opened);
    value.value = std::move(*opened);
    values.push_back(std::move(value));
  }
  return values;
}

// A value that does not open counts as another one.
bool SqliteCatalog::values_differ(std::int64_t organization_id, std::int64_t set_id,
                                  std::int64_t from, std::int64_t to) {
  const auto open = [&](std::int64_t version) {
    return open_values({.organization_id = organization_id,
                        .set_id = set_id,
                        .set_name = {},
                        .version = version,
                        .pending_since = {}});
  };
  const auto old = open(from);
  const auto now = open(to);
  return !old || !now ||
         !std::ranges::equal(*old, *now, [](const ProvisionedValue& a, const ProvisionedValue& b) {
           return a.key == b.key && a.value.same_content(b.value);
         });
}

// secure_delete overwrites what goes.
void SqliteCatalog::drop_values_of(std::int64_t set_id) {
  db_.query(
         "DELETE FROM set_values WHERE set_id = ?1 AND removed_by IS NOT NULL AND NOT EXISTS"
         " (SELECT 1 FROM retained_versions r WHERE r.set_id = ?1"
         "   AND r.version >= written_by AND r.version < removed_by)",
         set_id)
      .run();
  measure_set(set_id);
}

// Values that were written and replaced since the newest ready version: only versions that a newer
// write has skipped had them. While a region cannot be reached there would be one for each write.
void SqliteCatalog::drop_skipped_values(const SecretSet& set) {
  db_.query("DELETE FROM set_values WHERE set_id = ? AND written_by > ? AND removed_by IS NOT NULL",
            set.id, set.ready_version)
      .run();
}

Result<void> SqliteCatalog::drop_unneeded_values(std::string_view region) {
  std::vector<std::int64_t> set_ids;
  auto listed = db_.read("list old values", [&]() -> Result<void> {
    auto rows = db_.query(
        "SELECT DISTINCT s.id FROM sets s JOIN set_values v ON v.set_id = s.id"
        " WHERE s.region = ? AND v.removed_by IS NOT NULL",
        region);
    while (rows.step()) set_ids.push_back(rows.integer(0));
    return {};
  });
  if (!listed) return listed;
  for (const std::int64_t id : set_ids) {
    auto dropped = db_.write_urgently("drop old values", [&]() -> Result<void> {
      drop_values_of(id);
      return {};
    });
    if (!dropped) return dropped;
  }
  return {};
}

}  // namespace agent_secrets::control_plane
