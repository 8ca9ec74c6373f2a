#include "control-plane/catalog/values.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/database/transaction.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

std::vector<LiveKey> live_keys(Transaction& tx, std::int64_t set_id) {
  const Rows rows = tx.query(
      "SELECT key, written_by, written_at, author FROM set_values"
      " WHERE set_id = ?1 AND removed_by IS NULL ORDER BY position",
      set_id);
  std::vector<LiveKey> keys;
  for (const Row row : rows) {
    KeyWrite write{.version = row.integer("written_by"), .at = {}, .author = {}};
    if (!row.is_null("written_at")) {
      write.at = row.time("written_at");
      write.author = row.text("author");
    }
    keys.push_back({.key = row.text("key"), .write = std::move(write)});
  }
  return keys;
}

std::vector<std::string> keys_of_version(Transaction& tx, std::int64_t set_id,
                                         std::int64_t version) {
  const Rows rows = tx.query(
      "SELECT key FROM set_values WHERE set_id = ?1 AND written_by <= ?2"
      " AND (removed_by IS NULL OR removed_by > ?2) ORDER BY position",
      set_id, version);
  std::vector<std::string> keys;
  for (const Row row : rows) keys.push_back(row.text("key"));
  return keys;
}

// Computed from the boxes: nothing is decrypted.
std::int64_t bytes_of_live_pairs(Transaction& tx, std::int64_t set_id) {
  return tx
      .query({"SELECT coalesce(sum(length(CAST(key AS BLOB)) + length(box) - ?1), 0) AS bytes"
              " FROM set_values WHERE set_id = ?2 AND removed_by IS NULL",
              "SELECT CAST("
              " coalesce(sum(octet_length(key) + octet_length(box) - ?1), 0) AS bigint) AS bytes"
              " FROM set_values WHERE set_id = ?2 AND removed_by IS NULL"},
             kStoredOverhead, set_id)
      .front()
      .integer("bytes");
}

Result<void> check_set_size(const SetSize& size, const SetRow& row, std::string_view last_key) {
  if (size.keys > static_cast<std::int64_t>(limits::kKeysPerSet)) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} cannot take {}: a set has at most {} keys.",
                            shown(row.set.name), shown(last_key), limits::kKeysPerSet));
  }
  if (size.bytes > static_cast<std::int64_t>(limits::kSetBytes)) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} cannot take {}: a set has at most {} bytes.",
                            shown(row.set.name), shown(last_key), limits::kSetBytes));
  }
  return {};
}

Result<std::vector<ProvisionedValue>> open_values(Transaction& tx, const ValueCipher& cipher,
                                                  const PendingVersion& version) {
  std::vector<ProvisionedValue> values;
  for (const Row row : tx.query("SELECT key, written_by, key_id, box FROM set_values"
                                " WHERE set_id = ?1 AND written_by <= ?2"
                                " AND (removed_by IS NULL OR removed_by > ?2) ORDER BY key",
                                version.set_id, version.version)) {
    ProvisionedValue value{
        .key = row.text("key"), .written_by = row.integer("written_by"), .value = {}};
    const ValueContext context{.organization_id = version.organization_id,
                               .set_id = version.set_id,
                               .key = value.key,
                               .written_by = value.written_by};
    auto opened = cipher.open(context, {.key_id = row.text("key_id"), .box = row.blob("box")});
    if (!opened) return propagate(opened);
    value.value = std::move(*opened);
    values.push_back(std::move(value));
  }
  return values;
}

bool values_differ(Transaction& tx, const ValueCipher& cipher, const PendingVersion& from,
                   std::int64_t to) {
  PendingVersion other = from;
  other.version = to;
  const auto old = open_values(tx, cipher, from);
  const auto now = open_values(tx, cipher, other);
  return !old || !now ||
         !std::ranges::equal(*old, *now, [](const ProvisionedValue& a, const ProvisionedValue& b) {
           return a.key == b.key && a.value.same_content(b.value);
         });
}

// SQLite overwrites deleted rows with zeros (PRAGMA secure_delete).
void drop_values_of(Transaction& tx, std::int64_t set_id) {
  tx.execute_later(
      "DELETE FROM set_values WHERE set_id = ?1 AND removed_by IS NOT NULL AND NOT EXISTS"
      " (SELECT 1 FROM retained_versions r WHERE r.set_id = ?1"
      "   AND r.version >= written_by AND r.version < removed_by)",
      set_id);
  measure_set(tx, set_id);
}

}  // namespace agent_secrets::control_plane
