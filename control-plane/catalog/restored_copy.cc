#include "control-plane/catalog/restored_copy.h"

#include <set>
#include <string>

#include "control-plane/catalog/coded_tables.h"
#include "control-plane/database/timeline.h"
#include "control-plane/database/transaction.h"

namespace agent_secrets::control_plane {
namespace {

// No id is used again, because encrypted values are bound to it. SQLite keeps the highest id only
// of tables that have had a row (sqlite.org/autoinc.html).
void raise_ids(Transaction& tx) {
  tx.execute(
      {"INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_schema"
       " WHERE type = 'table' AND instr(sql, 'AUTOINCREMENT') > 0"
       " AND name NOT IN (SELECT name FROM sqlite_sequence)",
       "SELECT 1 AS nothing_to_add"});
  tx.execute({"UPDATE sqlite_sequence SET seq = seq + ?1",
              "SELECT setval(CAST(format('%I.%I', schemaname, sequencename) AS regclass),"
              " coalesce(last_value, 0) + ?1) AS raised"
              " FROM pg_sequences WHERE schemaname = current_schema()"},
             kFailoverStep);
}

}  // namespace

void raise_numbers(Transaction& tx, const Authority& authority) {
  const std::set<std::string> accepted = accepted_agents(tx, authority);
  tx.execute("UPDATE agents SET sequence = sequence + ?1, revision = revision + ?1", kFailoverStep);
  tx.execute("UPDATE organizations SET sequence_floor = sequence_floor + ?1", kFailoverStep);
  // A deploy command that runs for a lost ticket settles nothing, and runs again.
  tx.execute("UPDATE rollouts SET ticket = ticket + ?1", kFailoverStep);
  raise_ids(tx);
  code_agents(tx, authority, accepted);
}

void forget_server_of_catalog(Transaction& tx) {
  tx.execute("DELETE FROM settings WHERE name = ?1", kServerTimeline);
}

}  // namespace agent_secrets::control_plane
