#include "control-plane/catalog/values.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "control-plane/catalog/quotas.h"
#include "control-plane/catalog/rules.h"
#include "control-plane/database/transaction.h"
#include "control-plane/keys/aead.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

namespace {

constexpr Sql kRemoveValue(
    "UPDATE set_values SET removed_by = ?1"
    " WHERE set_id = ?2 AND key = ?3 AND removed_by IS NULL");

}  // namespace

bool remove_value(Transaction& tx, const SetRow& row, std::string_view key) {
  return tx.execute(kRemoveValue, row.set.version + 1, row.set.id, key) == 1;
}

Transaction::LaterRows ask_live_value(Transaction& tx, std::int64_t organization_id,
                                      std::string_view set, std::string_view key) {
  return tx.query_later(
      "SELECT v.written_by, v.key_id, v.box, v.position FROM sets s JOIN set_values v"
      " ON v.set_id = s.id AND v.key = ?3 AND v.removed_by IS NULL"
      " WHERE s.organization_id = ?1 AND s.name = ?2",
      organization_id, set, key);
}

// Decrypts only the row of the key. A stored value that does not decrypt is replaced too: rewriting
// the value repairs it.
bool write_value(Transaction& tx, const ValueCipher& cipher, const SetRow& row,
                 const SecretPair& pair, const Rows& live) {
  ValueContext context{
      .organization_id = row.organization_id, .set_id = row.set.id, .key = pair.key};
  std::optional<std::int64_t> position;
  if (!live.empty()) {
    const Row stored = live.front();
    context.written_by = stored.integer("written_by");
    const auto old =
        cipher.open(context, {.key_id = stored.text("key_id"), .box = stored.blob("box")});
    if (old && old->same_content(pair.value)) return false;
    position = stored.integer("position");
    tx.execute_later(kRemoveValue, row.set.version + 1, row.set.id, pair.key);
  }
  context.written_by = row.set.version + 1;
  const SealedValue sealed = cipher.seal(context, pair.value);
  tx.execute_later(
      "INSERT INTO set_values (set_id, key, written_by, position, key_id, box)"
      " VALUES (?1, ?2, ?3, coalesce(?4,"
      " (SELECT coalesce(max(position), 0) + 1 FROM set_values WHERE set_id = ?1)), ?5, ?6)",
      row.set.id, pair.key, context.written_by, position, sealed.key_id, sealed.box);
  return true;
}

std::vector<LiveKey> live_keys(Transaction& tx, std::int64_t set_id) {
  const Rows rows = tx.query(
      "SELECT key, written_by FROM set_values WHERE set_id = ?1 AND removed_by IS NULL"
      " ORDER BY position",
      set_id);
  std::vector<LiveKey> keys;
  for (const Row row : rows) {
    keys.push_back({.key = row.text("key"), .written_by = row.integer("written_by")});
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

// Sizes are computed from the boxes: nothing is decrypted.
Transaction::LaterRows ask_set_size(Transaction& tx, std::int64_t set_id) {
  return tx.query_later(
      {"SELECT count(*) AS keys,"
       " coalesce(sum(length(CAST(key AS BLOB)) + length(box) - ?1), 0) AS bytes"
       " FROM set_values WHERE set_id = ?2 AND removed_by IS NULL",
       "SELECT count(*) AS keys, CAST("
       " coalesce(sum(octet_length(key) + octet_length(box) - ?1), 0) AS bigint) AS bytes"
       " FROM set_values WHERE set_id = ?2 AND removed_by IS NULL"},
      kAeadOverhead - pair_bytes(0, 0), set_id);
}

Result<void> check_set_size(const Rows& size, const SetRow& row, std::string_view last_key) {
  const Row totals = size.front();
  if (totals.integer("keys") > static_cast<std::int64_t>(limits::kKeysPerSet)) {
    return fail(ErrorCode::invalid,
                fmt::format("Secret set {} cannot take {}: a set has at most {} keys.",
                            shown(row.set.name), shown(last_key), limits::kKeysPerSet));
  }
  if (totals.integer("bytes") > static_cast<std::int64_t>(limits::kSetBytes)) {
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

// Drops values that were written and replaced since the newest ready version: only skipped versions
// had them. Otherwise each write would leave a value while the region cannot be reached.
void drop_skipped_values(Transaction& tx, const SecretSet& set) {
  tx.execute_later(
      "DELETE FROM set_values WHERE set_id = ?1 AND written_by > ?2 AND removed_by IS NOT NULL",
      set.id, set.ready_version);
}

}  // namespace agent_secrets::control_plane
