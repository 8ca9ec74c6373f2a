// The records of instances in a region store (region/instances.h).
#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "control-plane/region/database_region_store.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

InstanceRecord read_record(const Row& row) {
  return {.agent_id = row.integer("agent_id"),
          .instance = row.text("instance"),
          .sequence = row.integer("sequence"),
          .kid = row.text("kid"),
          .active_sessions = row.integer("active_sessions"),
          .first_seen = row.time("first_seen"),
          .since = row.time("since"),
          .last_heard = row.time("last_heard"),
          .watched = row.boolean("watched"),
          .developers_run = row.boolean("developers_run")};
}

Listening read_listening(Transaction& tx) {
  const Rows rows = tx.query("SELECT since, until FROM listening");
  if (rows.empty()) return {};
  const Row row = rows.front();
  return {.since = row.time("since"), .until = row.time("until")};
}

std::vector<InstanceRecord> read_records(const Rows& rows) {
  std::vector<InstanceRecord> records;
  for (const Row row : rows) records.push_back(read_record(row));
  return records;
}

// Extends the time in which the server listens. After a gap the time begins again, so no instance
// counts as silent before it has had time to send a request. The first time begins at 0, because no
// request can have been missed. It begins now if the region has agents already: requests of their
// instances may have been missed.
Listening note_listening(Transaction& tx, milliseconds now) {
  Listening listening = read_listening(tx);
  if (listening.until == milliseconds(0)) {
    const bool agents = !tx.query("SELECT 1 FROM agents LIMIT 1").empty();
    listening.since = agents ? now : milliseconds(0);
  } else if (std::chrono::abs(now - listening.until) > limits::kListeningGap) {
    listening.since = now;
  }
  listening.until = now;
  tx.execute(
      "INSERT INTO listening (id, since, until) VALUES (1, ?1, ?2)"
      " ON CONFLICT (id) DO UPDATE SET since = excluded.since, until = excluded.until",
      listening.since, listening.until);
  return listening;
}

// A watch with a revoked credential, or for a deleted agent, may name an invented instance and is
// not recorded. Watches of the recorded instances of a deleted agent are recorded, because these
// may hold a value. A start is always recorded: the instance received values before the revocation
// or the deletion. No row may refer to an agent that has been removed meanwhile.
bool may_record(Transaction& tx, const HeardInstance& heard) {
  const Rows agents = tx.query(
      "SELECT deleted = 1 AND NOT EXISTS"
      "     (SELECT 1 FROM instances WHERE agent_id = ?1 AND instance = ?2) AS is_new_and_ended,"
      "   EXISTS (SELECT 1 FROM credentials WHERE kid = ?3 AND revoked = 1) AS is_revoked"
      " FROM agents WHERE id = ?1",
      heard.agent_id, heard.instance, heard.kid);
  if (agents.empty()) return false;
  const Row agent = agents.front();
  return heard.started || (!agent.boolean("is_new_and_ended") && !agent.boolean("is_revoked"));
}

void record(Transaction& tx, const HeardInstance& heard) {
  const Rows known = tx.query(
      "SELECT coalesce(min(first_seen), ?1) AS first_seen, coalesce(max(sequence), 0) AS sequence"
      " FROM instances WHERE agent_id = ?2 AND instance = ?3",
      heard.at, heard.agent_id, heard.instance);
  const milliseconds first_seen = known.front().time("first_seen");
  const bool runs_something = known.front().integer("sequence") > 0;
  if (heard.sequence == 0 && runs_something) return;  // a record has the sequence
  const bool is_new_start = starts_anew(heard);
  // A start removes the other records of this id. A watch with a sequence removes only the record
  // without a sequence.
  tx.execute(
      "DELETE FROM instances WHERE agent_id = ?1 AND instance = ?2 AND sequence <> ?3"
      " AND (?4 = 1 OR sequence = 0)",
      heard.agent_id, heard.instance, heard.sequence, is_new_start);
  tx.execute(
      "INSERT INTO instances (agent_id, instance, sequence, kid, active_sessions, first_seen,"
      " since, last_heard, watched, developers_run)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?10)"
      " ON CONFLICT (agent_id, instance, sequence) DO UPDATE SET kid = ?4, active_sessions = ?5,"
      " last_heard = CASE WHEN instances.last_heard > ?7 THEN instances.last_heard ELSE ?7 END,"
      " watched = CASE WHEN ?9 = 0 AND instances.watched = 1 THEN 1 ELSE ?8 END,"
      " developers_run = CASE WHEN ?10 = 1 THEN instances.developers_run ELSE 0 END",
      heard.agent_id, heard.instance, heard.sequence, heard.kid,
      std::min(heard.active_sessions, limits::kActiveSessionsMax), first_seen, heard.at,
      heard.watched, is_new_start, heard.developers_run);
}

using RecordKey = std::tuple<std::int64_t, std::string, std::int64_t>;

RecordKey key_of(const HeardInstance& heard) {
  return {heard.agent_id, heard.instance, heard.sequence};
}

// The watches among the reports.
std::string watches_json(std::span<const HeardInstance> heard) {
  boost::json::array watches;
  for (const HeardInstance& one : heard) {
    if (one.started) continue;
    watches.push_back({{"agent", one.agent_id},
                       {"instance", one.instance},
                       {"sequence", one.sequence},
                       {"kid", one.kid},
                       {"sessions", std::min(one.active_sessions, limits::kActiveSessionsMax)},
                       {"heard", one.at.count()},
                       {"watched", one.watched ? 1 : 0}});
  }
  return boost::json::serialize(watches);
}

// Most reports are watches of instances that have a record for their sequence. One statement
// updates all these records, as record() would one by one, and returns their keys. The other
// reports are left to record().
std::set<RecordKey> update_known(Transaction& tx, std::span<const HeardInstance> heard) {
  const Rows rows = tx.query(
      {"UPDATE instances SET kid = h.value ->> 'kid', active_sessions = h.value ->> 'sessions',"
       " last_heard = max(last_heard, h.value ->> 'heard'),"
       " watched = max(watched, h.value ->> 'watched'), developers_run = 0"
       " FROM json_each(?1) AS h"
       " WHERE agent_id = h.value ->> 'agent' AND instance = h.value ->> 'instance'"
       "   AND sequence = h.value ->> 'sequence' AND NOT EXISTS"
       "     (SELECT 1 FROM credentials c WHERE c.kid = h.value ->> 'kid' AND c.revoked = 1)"
       " RETURNING agent_id, instance, sequence",
       "UPDATE instances i SET kid = h.kid, active_sessions = h.sessions,"
       " last_heard = greatest(i.last_heard, h.heard),"
       " watched = greatest(i.watched, h.watched), developers_run = 0"
       " FROM json_to_recordset(CAST(?1 AS json)) AS h (agent bigint, instance text,"
       "   sequence bigint, kid text, sessions bigint, heard bigint, watched bigint)"
       " WHERE i.agent_id = h.agent AND i.instance = h.instance AND i.sequence = h.sequence"
       "   AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.kid = h.kid AND c.revoked = 1)"
       " RETURNING i.agent_id, i.instance, i.sequence"},
      watches_json(heard));
  std::set<RecordKey> updated;
  for (const Row row : rows) {
    updated.emplace(row.integer("agent_id"), row.text("instance"), row.integer("sequence"));
  }
  return updated;
}

// Several servers record the instances of one region. With the lock, a server waits for the
// transaction of another one. Without it, every second one of them would fail and run again,
// because each writes the row in `listening`.
void lock_listening(Transaction& tx) {
  tx.execute_later({"SELECT 1 AS alone", "LOCK TABLE listening IN SHARE ROW EXCLUSIVE MODE"});
}

void drop_silent(Transaction& tx, const Listening& listening) {
  tx.execute("DELETE FROM instances WHERE developers_run = 1 AND last_heard < ?1",
             listening.until - limits::kDeveloperRun);
  const milliseconds before = listening.until - limits::kInstanceForgotten;
  if (listening.since > before) return;
  tx.execute("DELETE FROM instances WHERE watched = 1 AND last_heard < ?1", before);
}

// Removes the records beyond the limit: first of silent instances, then of unwatched instances,
// then of others; each time the longest without a request first. If an instance that is not silent
// is removed, a record under kUnlistedInstances shows that more instances exist than are listed.
void drop_surplus(Transaction& tx, std::int64_t agent_id, const Listening& listening) {
  const std::int64_t kept = tx.query(
                                  "SELECT count(*) AS kept FROM instances"
                                  " WHERE agent_id = ?1 AND instance <> ?2",
                                  agent_id, kUnlistedInstances)
                                .front()
                                .integer("kept");
  const std::int64_t surplus = kept - static_cast<std::int64_t>(limits::kInstancesPerAgent);
  if (surplus <= 0) return;
  bool lost = false;
  const Rows doomed = tx.query(
      "SELECT instance, sequence, watched = 1 AND last_heard <= ?2 AS silent FROM instances"
      " WHERE agent_id = ?1 AND instance <> ?3"
      " ORDER BY silent DESC, watched, last_heard LIMIT ?4",
      agent_id, silent_before(listening), kUnlistedInstances, surplus);
  for (const Row row : doomed) {
    lost = lost || !row.boolean("silent");
    tx.execute("DELETE FROM instances WHERE agent_id = ?1 AND instance = ?2 AND sequence = ?3",
               agent_id, row.text("instance"), row.integer("sequence"));
  }
  if (!lost) return;
  record(tx, {.agent_id = agent_id,
              .instance = std::string(kUnlistedInstances),
              .kid = {},
              .at = listening.until});
}

}  // namespace

Result<void> DatabaseRegionStore::record_instances(std::span<const HeardInstance> heard,
                                                   milliseconds now) {
  return database_->write("record instances", [&](Transaction& tx) -> Result<void> {
    lock_listening(tx);
    const Listening listening = note_listening(tx, now);
    drop_silent(tx, listening);
    const std::set<RecordKey> updated = update_known(tx, heard);
    std::set<std::int64_t> agents;  // that may have a record more
    for (const HeardInstance& one : heard) {
      if (updated.contains(key_of(one)) || !may_record(tx, one)) continue;
      record(tx, one);
      agents.insert(one.agent_id);
    }
    for (const std::int64_t agent_id : agents) drop_surplus(tx, agent_id, listening);
    return {};
  });
}

Result<InstanceList> DatabaseRegionStore::list_instances(std::optional<std::int64_t> agent_id) {
  return database_->read("list instances", [&](Transaction& tx) -> Result<InstanceList> {
    InstanceList list{.listening = read_listening(tx), .instances = {}};
    list.instances = read_records(tx.query(
        "SELECT agent_id, instance, sequence, kid, active_sessions, first_seen, since,"
        " last_heard, watched, developers_run FROM instances"
        " WHERE agent_id BETWEEN ?1 AND ?2 ORDER BY agent_id, instance, sequence",
        agent_id.value_or(0), agent_id.value_or(std::numeric_limits<std::int64_t>::max())));
    return list;
  });
}

Result<InstanceList> DatabaseRegionStore::list_instances_of(
    const OrganizationAgents& organization) {
  const std::string live = boost::json::serialize(
      boost::json::array(organization.live.begin(), organization.live.end()));
  return database_->read("list instances", [&](Transaction& tx) -> Result<InstanceList> {
    InstanceList list{.listening = read_listening(tx), .instances = {}};
    list.instances = read_records(
        tx.query({"SELECT agent_id, instance, sequence, kid, active_sessions, first_seen, since,"
                  " last_heard, watched, developers_run FROM instances"
                  " WHERE agent_id IN (SELECT value FROM json_each(?1)"
                  "   UNION SELECT id FROM agents WHERE organization = ?2)"
                  " ORDER BY agent_id, instance, sequence",
                  "SELECT agent_id, instance, sequence, kid, active_sessions, first_seen, since,"
                  " last_heard, watched, developers_run FROM instances WHERE agent_id IN"
                  "   (SELECT CAST(json_array_elements_text(CAST(?1 AS json)) AS bigint)"
                  "    UNION SELECT id FROM agents WHERE organization = ?2)"
                  " ORDER BY agent_id, instance, sequence"},
                 live, organization.name));
    return list;
  });
}

Result<bool> DatabaseRegionStore::forget_instance(std::int64_t agent_id,
                                                  std::string_view instance) {
  return database_->write_urgently("forget instance", [&](Transaction& tx) -> Result<bool> {
    return tx.execute("DELETE FROM instances WHERE agent_id = ?1 AND instance = ?2", agent_id,
                      instance) > 0;
  });
}

Result<std::int64_t> DatabaseRegionStore::forget_instances(std::int64_t agent_id,
                                                           milliseconds before) {
  return database_->write_urgently(
      "forget instances", [&](Transaction& tx) -> Result<std::int64_t> {
        return tx.execute(
            "DELETE FROM instances WHERE agent_id = ?1 AND last_heard < ?2"
            " AND NOT (watched = 1 AND last_heard > ?3)",
            agent_id, before, silent_before(read_listening(tx)));
      });
}

}  // namespace agent_secrets::control_plane
