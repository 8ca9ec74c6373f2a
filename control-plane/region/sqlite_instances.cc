// What a region store keeps of instances (region/instances.h).
#include <algorithm>
#include <limits>
#include <set>

#include "control-plane/region/sqlite_region_store.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

InstanceRecord read_record(const SqliteQuery& row) {
  return {.agent_id = row.integer(0),
          .instance = row.text(1),
          .sequence = row.integer(2),
          .kid = row.text(3),
          .active_sessions = row.integer(4),
          .first_seen = row.time(5),
          .since = row.time(6),
          .last_heard = row.time(7),
          .watched = row.integer(8) != 0,
          .developers_run = row.integer(9) != 0};
}

}  // namespace

Listening SqliteRegionStore::read_listening() {
  auto row = db_.query("SELECT since, until FROM listening");
  if (!row.step()) return {};
  return {.since = row.time(0), .until = row.time(1)};
}

// After a gap nobody can be called silent before they had the time to be heard again. The very
// first time there is nobody whom we could have missed, unless agents are older than these records.
Listening SqliteRegionStore::note_listening(milliseconds now) {
  Listening listening = read_listening();
  if (listening.until == milliseconds(0)) {
    const bool agents = db_.query("SELECT 1 FROM agents LIMIT 1").step();
    listening.since = agents ? now : milliseconds(0);
  } else if (std::chrono::abs(now - listening.until) > limits::kListeningGap) {
    listening.since = now;
  }
  listening.until = now;
  db_.query("INSERT OR REPLACE INTO listening (id, since, until) VALUES (1, ?, ?)", listening.since,
            listening.until)
      .run();
  return listening;
}

// A watch of a revoked credential, or of a deleted agent, could be that of an invented instance.
// The instances that a deleted agent already has keep reporting, because they may hold a value. A
// start is always recorded: the instance received values before the revocation or the deletion.
bool SqliteRegionStore::may_record(const HeardInstance& heard) {
  if (heard.started) return true;
  auto revoked = db_.query("SELECT 1 FROM credentials WHERE kid = ? AND revoked = 1", heard.kid);
  if (revoked.step()) return false;
  auto ended = db_.query(
      "SELECT 1 FROM agents WHERE id = ?1 AND deleted = 1 AND NOT EXISTS"
      " (SELECT 1 FROM instances WHERE agent_id = ?1 AND instance = ?2)",
      heard.agent_id, heard.instance);
  return !ended.step();
}

void SqliteRegionStore::record(const HeardInstance& heard) {
  milliseconds first_seen = heard.at;
  bool runs_something = false;
  {
    auto row = db_.query(
        "SELECT coalesce(min(first_seen), ?), coalesce(max(sequence), 0) FROM instances"
        " WHERE agent_id = ? AND instance = ?",
        heard.at, heard.agent_id, heard.instance);
    row.step();
    first_seen = row.time(0);
    runs_something = row.integer(1) > 0;
  }
  if (heard.sequence == 0 && runs_something) return;  // the sequence is known already
  const auto is_new_start = static_cast<std::int64_t>(starts_anew(heard));
  // A start ends whatever the id ran; a watch that names a sequence, only what was not known.
  db_.query(
         "DELETE FROM instances WHERE agent_id = ? AND instance = ? AND sequence <> ?"
         " AND (? OR sequence = 0)",
         heard.agent_id, heard.instance, heard.sequence, is_new_start)
      .run();
  db_.query(
         "INSERT INTO instances (agent_id, instance, sequence, kid, active_sessions, first_seen,"
         " since, last_heard, watched, developers_run)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?10)"
         " ON CONFLICT DO UPDATE SET kid = ?4, active_sessions = ?5,"
         " last_heard = max(last_heard, ?7),"
         " watched = CASE WHEN ?9 THEN ?8 ELSE max(watched, ?8) END,"
         " developers_run = min(developers_run, ?10)",
         heard.agent_id, heard.instance, heard.sequence, heard.kid,
         std::min(heard.active_sessions, limits::kActiveSessionsMax), first_seen, heard.at,
         static_cast<std::int64_t>(heard.watched), is_new_start,
         static_cast<std::int64_t>(heard.developers_run))
      .run();
}

void SqliteRegionStore::drop_silent(const Listening& listening) {
  db_.query("DELETE FROM instances WHERE developers_run = 1 AND last_heard < ?",
            listening.until - limits::kDeveloperRun)
      .run();
  const milliseconds before = listening.until - limits::kInstanceForgotten;
  if (listening.since > before) return;
  db_.query("DELETE FROM instances WHERE watched = 1 AND last_heard < ?", before).run();
}

// The silent first, the oldest of them first; then those that never watch, of which something has
// to stay: that there are more than are listed.
void SqliteRegionStore::drop_surplus(std::int64_t agent_id, const Listening& listening) {
  std::int64_t surplus = 0;
  {
    auto row = db_.query("SELECT count(*) FROM instances WHERE agent_id = ? AND instance <> ?",
                         agent_id, kUnlistedInstances);
    row.step();
    surplus = row.integer(0) - static_cast<std::int64_t>(limits::kInstancesPerAgent);
  }
  if (surplus <= 0) return;
  bool lost = false;
  std::vector<std::int64_t> doomed;
  {
    auto rows = db_.query(
        "SELECT rowid, watched = 1 AND last_heard <= ?2 AS silent FROM instances"
        " WHERE agent_id = ?1 AND instance <> ?3 ORDER BY silent DESC, watched, last_heard LIMIT "
        "?4",
        agent_id, silent_before(listening), kUnlistedInstances, surplus);
    while (rows.step()) {
      doomed.push_back(rows.integer(0));
      lost = lost || rows.integer(1) == 0;
    }
  }
  for (const std::int64_t row : doomed) {
    db_.query("DELETE FROM instances WHERE rowid = ?", row).run();
  }
  if (!lost) return;
  record({.agent_id = agent_id,
          .instance = std::string(kUnlistedInstances),
          .kid = {},
          .at = listening.until});
}

Result<void> SqliteRegionStore::record_instances(std::span<const HeardInstance> heard,
                                                 milliseconds now) {
  return db_.write("record instances", [&]() -> Result<void> {
    const Listening listening = note_listening(now);
    drop_silent(listening);
    std::set<std::int64_t> agents;
    for (const HeardInstance& one : heard) {
      if (!may_record(one)) continue;
      record(one);
      agents.insert(one.agent_id);
    }
    for (const std::int64_t agent_id : agents) drop_surplus(agent_id, listening);
    return {};
  });
}

Result<InstanceList> SqliteRegionStore::list_instances(std::optional<std::int64_t> agent_id) {
  return db_.read("list instances", [&]() -> Result<InstanceList> {
    InstanceList list{.listening = read_listening(), .instances = {}};
    auto rows = db_.query(
        "SELECT agent_id, instance, sequence, kid, active_sessions, first_seen, since, last_heard,"
        " watched, developers_run FROM instances WHERE agent_id BETWEEN ? AND ?"
        " ORDER BY agent_id, instance, sequence",
        agent_id.value_or(0), agent_id.value_or(std::numeric_limits<std::int64_t>::max()));
    while (rows.step()) list.instances.push_back(read_record(rows));
    return list;
  });
}

Result<bool> SqliteRegionStore::forget_instance(std::int64_t agent_id, std::string_view instance) {
  return db_.write_urgently("forget instance", [&]() -> Result<bool> {
    return db_.query("DELETE FROM instances WHERE agent_id = ? AND instance = ?", agent_id,
                     instance)
               .run() > 0;
  });
}

Result<std::int64_t> SqliteRegionStore::forget_instances(std::int64_t agent_id,
                                                         milliseconds before) {
  return db_.write_urgently("forget instances", [&]() -> Result<std::int64_t> {
    return db_
        .query(
            "DELETE FROM instances WHERE agent_id = ? AND last_heard < ?"
            " AND NOT (watched = 1 AND last_heard > ?)",
            agent_id, before, silent_before(read_listening()))
        .run();
  });
}

}  // namespace agent_secrets::control_plane
