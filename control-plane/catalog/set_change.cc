#include "control-plane/catalog/set_change.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/catalog/values.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

std::string json_of(const std::vector<std::string_view>& keys) {
  boost::json::array names;
  for (const std::string_view key : keys) {
    names.emplace_back(boost::json::string_view(key.data(), key.size()));
  }
  return boost::json::serialize(names);
}

std::int64_t stored_size(std::string_view key, const SealedValue& value) {
  return static_cast<std::int64_t>(key.size() + value.box.size());
}

std::int64_t pair_size(std::string_view key, const SealedValue& value) {
  return stored_size(key, value) - kStoredOverhead;
}

constexpr Sql kRemoveValue(
    "UPDATE set_values SET removed_by = ?1"
    " WHERE set_id = ?2 AND key = ?3 AND removed_by IS NULL");

// The set with its size, and the sizes of all sets of the organization.
Rows read_set(Transaction& tx, std::int64_t organization_id, std::string_view set) {
  return tx.query(
      "SELECT s.id, s.organization_id, s.name, s.type, s.region, s.status, s.error_message,"
      " s.version, s.ready_version, s.host, s.protected_by, s.burst_since, s.pending_since, s.code,"
      " s.live_keys, s.stored_bytes, o.all_keys, o.all_bytes"
      " FROM sets s CROSS JOIN (SELECT CAST(sum(live_keys) AS bigint) AS all_keys,"
      "                                CAST(sum(stored_bytes) AS bigint) AS all_bytes"
      "                           FROM sets WHERE organization_id = ?1) o"
      " WHERE s.organization_id = ?1 AND s.name = ?2",
      organization_id, set);
}

// One key has its own statement: for a list of keys PostgreSQL may read all values of the set.
Transaction::LaterRows ask_live_values(Transaction& tx, std::int64_t organization_id,
                                       std::string_view set,
                                       const std::vector<std::string_view>& keys) {
  if (keys.size() == 1) {
    return tx.query_later(
        "SELECT v.key, v.written_by, v.position, v.key_id, v.box FROM sets s JOIN set_values v"
        " ON v.set_id = s.id AND v.key = ?3 AND v.removed_by IS NULL"
        " WHERE s.organization_id = ?1 AND s.name = ?2",
        organization_id, set, keys.front());
  }
  return tx.query_later(
      {"SELECT v.key, v.written_by, v.position, v.key_id, v.box FROM sets s JOIN set_values v"
       " ON v.set_id = s.id AND v.removed_by IS NULL"
       " AND v.key IN (SELECT value FROM json_each(?3))"
       " WHERE s.organization_id = ?1 AND s.name = ?2",
       "SELECT v.key, v.written_by, v.position, v.key_id, v.box FROM sets s JOIN set_values v"
       " ON v.set_id = s.id AND v.removed_by IS NULL"
       " AND v.key = ANY (ARRAY(SELECT json_array_elements_text(CAST(?3 AS json))))"
       " WHERE s.organization_id = ?1 AND s.name = ?2"},
      organization_id, set, json_of(keys));
}

}  // namespace

std::optional<SetChange> SetChange::of(Transaction& tx, const Authority& authority,
                                       std::int64_t organization_id, std::string_view set,
                                       const std::vector<std::string_view>& keys) {
  auto values = ask_live_values(tx, organization_id, set, keys);
  const Rows rows = read_set(tx, organization_id, set);
  if (rows.empty()) return std::nullopt;
  const Row found = rows.front();
  SetChange change(accepted_set_row(found, authority),
                   {.keys = found.integer("all_keys"), .bytes = found.integer("all_bytes")});
  change.size = {.keys = found.integer("live_keys"), .bytes = found.integer("stored_bytes")};
  change.set_before_ = change.size;
  for (const Row value : values.get()) {
    change.live_[value.text("key")] = {
        .written_by = value.integer("written_by"),
        .position = value.integer("position"),
        .sealed = {.key_id = value.text("key_id"), .box = value.blob("box")}};
  }
  return change;
}

const SetChange::Live* SetChange::find_live(std::string_view key) const {
  const auto found = live_.find(key);
  return found == live_.end() ? nullptr : &found->second;
}

// Only versions that never become ready contain this value, so its row is overwritten or deleted.
// Otherwise each write would add a row while the region cannot be reached.
bool SetChange::is_skipped(const Live& live) const {
  return live.written_by > row.set.ready_version;
}

// Subtracts the live value from the sizes.
void SetChange::end(std::string_view key, const Live& live) {
  size.keys -= 1;
  if (is_skipped(live)) size.bytes -= stored_size(key, live.sealed);
  pairs_added_ -= pair_size(key, live.sealed);
}

bool SetChange::write(const ValueCipher& cipher, const SecretPair& pair) {
  ValueContext context{
      .organization_id = row.organization_id, .set_id = row.set.id, .key = pair.key};
  const Live* live = find_live(pair.key);
  if (live != nullptr) {
    context.written_by = live->written_by;
    const auto old = cipher.open(context, live->sealed);
    if (old && old->same_content(pair.value)) return false;
    end(pair.key, *live);
  }
  context.written_by = row.set.version + 1;
  written_.push_back(
      {.key = pair.key, .sealed = cipher.seal(context, pair.value), .replaced = live});
  size.keys += 1;
  size.bytes += stored_size(pair.key, written_.back().sealed);
  pairs_added_ += pair_size(pair.key, written_.back().sealed);
  return true;
}

bool SetChange::remove(std::string_view key) {
  const Live* live = find_live(key);
  if (live == nullptr) return false;
  end(key, *live);
  removed_.emplace_back(key);
  return true;
}

// The stored bytes are at least those of the newest version, so nearly no change needs the query
// for the exact size.
Result<void> SetChange::check(Transaction& tx, std::string_view last_key) {
  std::int64_t bytes = size.bytes;
  if (bytes > static_cast<std::int64_t>(limits::kSetBytes)) {
    bytes = bytes_of_live_pairs(tx, row.set.id) + pairs_added_;
  }
  if (auto ok = check_set_size({.keys = size.keys, .bytes = bytes}, row, last_key); !ok) return ok;
  const SetSize now{.keys = before_.keys + size.keys - set_before_.keys,
                    .bytes = before_.bytes + size.bytes - set_before_.bytes};
  return check_size_of_sets(before_, now);
}

void SetChange::apply(Transaction& tx, UnixMs now, const std::string& author) const {
  for (const Written& written : written_) apply(tx, written, now, author);
  for (const std::string& key : removed_) {
    if (is_skipped(*find_live(key))) {
      tx.execute_later(
          "DELETE FROM set_values WHERE set_id = ?1 AND key = ?2 AND removed_by IS NULL",
          row.set.id, key);
    } else {
      tx.execute_later(kRemoveValue, row.set.version + 1, row.set.id, key);
    }
  }
}

// A skipped value is overwritten in its row.
void SetChange::apply(Transaction& tx, const Written& written, UnixMs now,
                      const std::string& author) const {
  const std::int64_t version = row.set.version + 1;
  const Live* replaced = written.replaced;
  if (replaced != nullptr && is_skipped(*replaced)) {
    tx.execute_later(
        "UPDATE set_values SET written_by = ?1, key_id = ?4, box = ?5, written_at = ?6, author = ?7"
        " WHERE set_id = ?2 AND key = ?3 AND removed_by IS NULL",
        version, row.set.id, written.key, written.sealed.key_id, written.sealed.box, now, author);
    return;
  }
  std::optional<std::int64_t> position;
  if (replaced != nullptr) {
    position = replaced->position;
    tx.execute_later(kRemoveValue, version, row.set.id, written.key);
  }
  tx.execute_later(
      "INSERT INTO set_values (set_id, key, written_by, position, key_id, box, written_at, author)"
      " VALUES (?1, ?2, ?3, coalesce(?4, (SELECT coalesce(max(position), 0) + 1 FROM set_values"
      "                                    WHERE set_id = ?1)), ?5, ?6, ?7, ?8)",
      row.set.id, written.key, version, position, written.sealed.key_id, written.sealed.box, now,
      author);
}

}  // namespace agent_secrets::control_plane
