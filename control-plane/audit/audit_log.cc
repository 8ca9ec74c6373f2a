#include "control-plane/audit/audit_log.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control-plane/audit/coded_record.h"
#include "control-plane/database/database.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

AuditHash read_hash(const Row& row, std::string_view column) { return row.key(column); }

AuditRecord read_record(const Row& row) {
  AuditRecord record{.id = row.integer("id"),
                     .entry = {.at = row.time("at"),
                               .actor_kind = row.text("actor_kind"),
                               .actor_id = row.text("actor_id"),
                               .actor_name = row.text("actor_name"),
                               .address = row.text("address"),
                               .organization_id = row.integer("organization_id"),
                               .organization = row.text("organization"),
                               .action = row.text("action"),
                               .object = row.text("object"),
                               .detail = row.text("detail"),
                               .outcome = row.text("outcome")}};
  if (const auto position = row.optional_integer("position")) {
    record.link = {
        .position = *position, .prev = read_hash(row, "prev"), .hash = read_hash(row, "hash")};
  }
  record.code = stored_code(row);
  return record;
}

AuditHead read_head(Transaction& tx) {
  const Rows rows = tx.query(
      "SELECT position, hash FROM audit WHERE position > 0"
      " ORDER BY position DESC LIMIT 1");
  if (rows.empty()) return {};
  return {.size = rows.front().integer("position"), .hash = read_hash(rows.front(), "hash")};
}

AuditEntry bounded(const AuditEntry& entry) {
  AuditEntry stored = entry;
  stored.object = bounded_text(entry.object);
  stored.detail = bounded_text(entry.detail);
  return stored;
}

// The record before the first one that is not older than `before`, but never the last one.
std::optional<AuditLog::Cut> find_cut(Transaction& tx, UnixMs before) {
  const Rows rows = tx.query(
      "SELECT position, hash FROM audit WHERE position > 0 AND position <"
      " (SELECT min(position) FROM audit WHERE position > 0 AND (at >= ?1 OR position ="
      "   (SELECT max(position) FROM audit)))"
      " ORDER BY position DESC LIMIT 1",
      before);
  if (rows.empty()) return std::nullopt;
  return AuditLog::Cut{.through = rows.front().integer("position"),
                       .hash = read_hash(rows.front(), "hash")};
}

// Out of the way of the chain, where `audit verify` finds it. Whoever added the record has chosen
// its id, which may be negative.
void set_aside(Transaction& tx, const AuditRecord& record) {
  const std::int64_t position = record.id > 0 ? -record.id : std::min<std::int64_t>(record.id, -1);
  tx.execute_later("UPDATE audit SET position = ?1, prev = ?2, hash = ?2 WHERE id = ?3", position,
                   AuditHash{}, record.id);
}

// Chains the records after `head` with one statement, because each accepted write makes a record.
// The ids are a JSON array. The hashes are one row of bytes that begins with the hash of `head`.
void store_links(Transaction& tx, const AuditHead& head,
                 std::span<const AuditRecord* const> records) {
  static_assert(std::tuple_size_v<AuditHash> == 32);  // as in the statement
  std::vector<std::uint8_t> hashes(head.hash.begin(), head.hash.end());
  std::vector<std::int64_t> ids;
  AuditHead last = head;
  for (const AuditRecord* record : records) {
    last = {.size = last.size + 1, .hash = hash_record(*record, last.size + 1, last.hash)};
    hashes.insert(hashes.end(), last.hash.begin(), last.hash.end());
    ids.push_back(record->id);
  }
  tx.execute_later(
      {"UPDATE audit SET position = ?1 + 1 + e.key,"
       " prev = substr(?3, 1 + 32 * e.key, 32), hash = substr(?3, 33 + 32 * e.key, 32)"
       " FROM json_each(?2) AS e WHERE audit.id = e.value",
       "UPDATE audit SET position = ?1 + e.number,"
       " prev = substr(?3, CAST(32 * e.number - 31 AS integer), 32),"
       " hash = substr(?3, CAST(32 * e.number + 1 AS integer), 32)"
       " FROM json_array_elements_text(CAST(?2 AS json)) WITH ORDINALITY AS e (id, number)"
       " WHERE audit.id = CAST(e.id AS bigint)"},
      head.size, fmt::format("[{}]", fmt::join(ids, ",")), hashes);
}

}  // namespace

void append(Transaction& tx, const Authority& authority, const AuditEntry& entry) {
  const AuditEntry stored = bounded(entry);
  tx.execute_later(
      "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
      " organization, action, object, detail, outcome, code)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      stored.at, stored.actor_kind, stored.actor_id, stored.actor_name, stored.address,
      stored.organization_id, stored.organization, stored.action, stored.object, stored.detail,
      stored.outcome, make_record_code(authority, stored));
}

std::vector<AuditRecord> AuditLog::read_records(const Rows& rows) const {
  std::vector<AuditRecord> records;
  records.reserve(rows.size());
  for (const Row row : rows) {
    records.push_back(read_record(row));
    records.back().is_authentic = is_authentic(authority_, records.back());
  }
  return records;
}

Result<void> AuditLog::append_all(std::span<const AuditEntry> entries) {
  return database_.write("write audit records", [&](Transaction& tx) -> Result<void> {
    for (const AuditEntry& entry : entries) append(tx, authority_, entry);
    return {};
  });
}

// Looks before it writes, so that an idle server does not write.
Result<bool> AuditLog::chain() {
  auto waiting = database_.read("chain audit records", [](Transaction& tx) -> Result<bool> {
    return !tx.query("SELECT 1 FROM audit WHERE position IS NULL LIMIT 1").empty();
  });
  if (!waiting || !*waiting) return waiting;
  return database_.write("chain audit records", [this](Transaction& tx) -> Result<bool> {
    const auto records = read_records(
        tx.query("SELECT * FROM audit_records WHERE position IS NULL ORDER BY id LIMIT ?1",
                 limits::kAuditBatch));
    if (records.empty()) return false;
    const AuditHead head = read_head(tx);
    std::vector<const AuditRecord*> accepted;
    for (const AuditRecord& record : records) {
      if (accepts(authority_, record)) {
        accepted.push_back(&record);
      } else {
        set_aside(tx, record);
      }
    }
    store_links(tx, head, accepted);
    return std::ssize(records) == limits::kAuditBatch;
  });
}

Result<AuditHead> AuditLog::head() {
  return database_.read("read the audit log",
                        [](Transaction& tx) -> Result<AuditHead> { return read_head(tx); });
}

Result<std::vector<AuditRecord>> AuditLog::list_newest(std::int64_t before, std::int64_t count,
                                                       const std::optional<AuditOrganization>& of) {
  using Records = std::vector<AuditRecord>;
  return database_.read("read the audit log", [&](Transaction& tx) -> Result<Records> {
    if (!of) {
      return read_records(tx.query(
          "SELECT * FROM audit_records WHERE id < ?1 ORDER BY id DESC LIMIT ?2", before, count));
    }
    return read_records(
        tx.query("SELECT * FROM audit_records WHERE organization = ?3 AND organization_id = ?4"
                 " AND id < ?1 ORDER BY id DESC LIMIT ?2",
                 before, count, of->name, of->id));
  });
}

Result<std::vector<AuditRecord>> AuditLog::list_chained(std::int64_t position) {
  using Records = std::vector<AuditRecord>;
  return database_.read("read the audit log", [&](Transaction& tx) -> Result<Records> {
    return read_records(
        tx.query("SELECT * FROM audit_records WHERE position > ?1 ORDER BY position LIMIT ?2",
                 position, limits::kAuditBatch));
  });
}

Result<std::vector<AuditRecord>> AuditLog::list_unchained(std::int64_t id) {
  using Records = std::vector<AuditRecord>;
  return database_.read("read the audit log", [&](Transaction& tx) -> Result<Records> {
    return read_records(tx.query(
        "SELECT * FROM audit_records WHERE position IS NULL AND id > ?1 ORDER BY id LIMIT ?2", id,
        limits::kAuditBatch));
  });
}

Result<std::vector<std::int64_t>> AuditLog::list_copies(std::int64_t count) {
  return database_.read(
      "read the audit log", [&](Transaction& tx) -> Result<std::vector<std::int64_t>> {
        std::vector<std::int64_t> ids;
        for (const Row row :
             tx.query("SELECT max(id) AS id FROM audit WHERE code IS NOT NULL"
                      " GROUP BY code HAVING count(*) > 1 ORDER BY max(id) LIMIT ?1",
                      count)) {
          ids.push_back(row.integer("id"));
        }
        return ids;
      });
}

// All records in batches, each in a transaction of its own, because a log may be long.
Result<std::vector<std::int64_t>> AuditLog::list_refused() {
  std::vector<std::int64_t> refused;
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  while (true) {
    using Records = std::vector<AuditRecord>;
    auto records = database_.read("read the audit log", [&](Transaction& tx) -> Result<Records> {
      return read_records(tx.query("SELECT * FROM audit_records WHERE id > ?1 ORDER BY id LIMIT ?2",
                                   last, limits::kAuditBatch));
    });
    if (!records) return propagate(records);
    if (records->empty()) return refused;
    for (const AuditRecord& record : *records) {
      if (!record.is_authentic) refused.push_back(record.id);
    }
    last = records->back().id;
  }
}

Result<void> AuditLog::adopt() {
  auto refused = list_refused();
  if (!refused) return propagate(refused);
  std::span<const std::int64_t> left(*refused);
  while (!left.empty()) {
    const auto batch = left.first(std::min<std::size_t>(left.size(), limits::kAuditBatch));
    left = left.subspan(batch.size());
    auto adopted = database_.write("adopt audit records", [&](Transaction& tx) -> Result<void> {
      for (const std::int64_t id : batch) adopt(tx, id);
      return {};
    });
    if (!adopted) return adopted;
  }
  return {};
}

void AuditLog::adopt(Transaction& tx, std::int64_t id) const {
  for (const AuditRecord& record :
       read_records(tx.query("SELECT * FROM audit_records WHERE id = ?1", id))) {
    tx.execute_later("UPDATE audit SET code = ?2 WHERE id = ?1", id,
                     make_record_code(authority_, record.entry));
  }
  tx.execute_later("UPDATE audit SET position = NULL WHERE id = ?1 AND position < 0", id);
}

Result<std::int64_t> AuditLog::count_unchained() {
  return database_.read("read the audit log", [](Transaction& tx) -> Result<std::int64_t> {
    return tx.query("SELECT count(*) AS records FROM audit WHERE position IS NULL")
        .front()
        .integer("records");
  });
}

Result<bool> AuditLog::put_checkpoint(std::int64_t size, std::string_view text) {
  return database_.write("write a checkpoint", [&](Transaction& tx) -> Result<bool> {
    return tx.execute(
               "INSERT INTO audit_checkpoints (size, text) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
               size, text) == 1;
  });
}

Result<std::optional<std::string>> AuditLog::newest_checkpoint() {
  return database_.read(
      "read a checkpoint", [](Transaction& tx) -> Result<std::optional<std::string>> {
        const Rows rows = tx.query("SELECT text FROM audit_checkpoints ORDER BY size DESC LIMIT 1");
        if (rows.empty()) return std::nullopt;
        return rows.front().text("text");
      });
}

Result<std::vector<AuditLog::StoredCheckpoint>> AuditLog::list_checkpoints(std::int64_t size) {
  using Checkpoints = std::vector<StoredCheckpoint>;
  return database_.read("read checkpoints", [&](Transaction& tx) -> Result<Checkpoints> {
    Checkpoints checkpoints;
    for (const Row row :
         tx.query("SELECT size, text FROM audit_checkpoints WHERE size > ?1 ORDER BY size LIMIT ?2",
                  size, limits::kAuditBatch)) {
      checkpoints.push_back({.size = row.integer("size"), .text = row.text("text")});
    }
    return checkpoints;
  });
}

Result<std::int64_t> AuditLog::cut(UnixMs before, const CutStatement& statement) {
  return database_.write("cut the audit log", [&](Transaction& tx) -> Result<std::int64_t> {
    const auto cut = find_cut(tx, before);
    if (!cut) return 0;
    const std::int64_t removed =
        tx.execute("DELETE FROM audit WHERE position BETWEEN 1 AND ?1", cut->through);
    tx.execute("DELETE FROM audit WHERE position < 0 AND at < ?1", before);
    tx.execute("DELETE FROM audit_checkpoints WHERE size <= ?1", cut->through);
    append(tx, authority_, statement(*cut));
    return removed;
  });
}

}  // namespace agent_secrets::control_plane
