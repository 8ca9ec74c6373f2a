#include "control-plane/audit/audit_log.h"

#include <algorithm>

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
  return record;
}

std::vector<AuditRecord> read_records(const Rows& rows) {
  std::vector<AuditRecord> records;
  records.reserve(rows.size());
  for (const Row row : rows) records.push_back(read_record(row));
  return records;
}

AuditHead read_head(Transaction& tx) {
  const Rows rows = tx.query(
      "SELECT position, hash FROM audit WHERE position IS NOT NULL"
      " ORDER BY position DESC LIMIT 1");
  if (rows.empty()) return {};
  return {.size = rows.front().integer("position"), .hash = read_hash(rows.front(), "hash")};
}

// The record before the first one that is not older than `before`, but never the last one.
std::optional<AuditLog::Cut> find_cut(Transaction& tx, UnixMs before) {
  const Rows rows = tx.query(
      "SELECT position, hash FROM audit WHERE position <"
      " (SELECT min(position) FROM audit WHERE position IS NOT NULL AND (at >= ?1 OR position ="
      "   (SELECT max(position) FROM audit)))"
      " ORDER BY position DESC LIMIT 1",
      before);
  if (rows.empty()) return std::nullopt;
  return AuditLog::Cut{.through = rows.front().integer("position"),
                       .hash = read_hash(rows.front(), "hash")};
}

}  // namespace

void append(Transaction& tx, const AuditEntry& entry) {
  tx.execute_later(
      "INSERT INTO audit (at, actor_kind, actor_id, actor_name, address, organization_id,"
      " organization, action, object, detail, outcome)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
      entry.at, entry.actor_kind, entry.actor_id, entry.actor_name, entry.address,
      entry.organization_id, entry.organization, entry.action, bounded_text(entry.object),
      bounded_text(entry.detail), entry.outcome);
}

Result<void> AuditLog::append_all(std::span<const AuditEntry> entries) {
  return database_.write("write audit records", [&](Transaction& tx) -> Result<void> {
    for (const AuditEntry& entry : entries) append(tx, entry);
    return {};
  });
}

// Looks before it writes, so that an idle server does not write.
Result<bool> AuditLog::chain() {
  auto waiting = database_.read("chain audit records", [](Transaction& tx) -> Result<bool> {
    return !tx.query("SELECT 1 FROM audit WHERE position IS NULL LIMIT 1").empty();
  });
  if (!waiting || !*waiting) return waiting;
  return database_.write("chain audit records", [](Transaction& tx) -> Result<bool> {
    const auto records = read_records(
        tx.query("SELECT * FROM audit_records WHERE position IS NULL ORDER BY id LIMIT ?1",
                 limits::kAuditBatch));
    if (records.empty()) return false;
    AuditHead head = read_head(tx);
    for (const AuditRecord& record : records) {
      const AuditHash prev = head.hash;
      head = {.size = head.size + 1, .hash = hash_record(record, head.size + 1, prev)};
      tx.execute_later("UPDATE audit SET position = ?1, prev = ?2, hash = ?3 WHERE id = ?4",
                       head.size, prev, head.hash, record.id);
    }
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
    const std::int64_t removed = tx.execute("DELETE FROM audit WHERE position <= ?1", cut->through);
    tx.execute("DELETE FROM audit_checkpoints WHERE size <= ?1", cut->through);
    append(tx, statement(*cut));
    return removed;
  });
}

}  // namespace agent_secrets::control_plane
