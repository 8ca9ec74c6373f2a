#pragma once
// The timeline of a PostgreSQL server, by which a failover is noticed.
//
// In a failover another server of a cluster takes over. With asynchronous replication it may not
// have the last commits of the old one. Numbers then go back: the next deployment of an agent
// would get a sequence that instances have seen already, with other content.
//
// Each promotion of a server begins a new timeline, a number in the names of the files of the
// write-ahead log (postgresql.org/docs/15/continuous-archiving.html#BACKUP-TIMELINES). A database
// stores the timeline on which it was used last. The stored number is lost or kept together with
// the commits before it. When the server has another timeline, the numbers of the database are
// raised by kFailoverStep, above all that the lost commits can have used.
//
// pg_control_checkpoint() has a timeline too, but that of the last checkpoint: shortly after a
// promotion it is still the old one. Every role may call the functions that are used here, unless
// an administrator has withdrawn that right; the look then fails.
// Source: postgresql.org/docs/15/functions-admin.html#FUNCTIONS-ADMIN-BACKUP.

#include <cstdint>
#include <string>
#include <string_view>

#include "control-plane/database/database.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// More changes of one agent than a server can lose in a failover.
inline constexpr std::int64_t kFailoverStep = std::int64_t{1} << 20;

struct ServerTimeline {
  std::string id;           // eight hexadecimal digits; empty on SQLite, which has no failover
  bool was_raised = false;  // this call has found another timeline, and raised the numbers
};

// Where a database keeps its timeline, and what it does when the timeline has changed. All run in a
// transaction.
struct TimelineRules {
  std::string (*stored)(Transaction& tx);  // empty: none yet
  void (*store)(Transaction& tx, std::string_view id);
  void (*lock)(Transaction& tx);  // so that one settles it, beside no other change
  void (*raise)(Transaction& tx);
};

// Two queries while the timeline is the stored one. Of several processes that see another one, one
// raises the numbers. The first call on a new database stores the timeline, and raises nothing.
Result<ServerTimeline> settle_failover(Database& database, const TimelineRules& rules);

}  // namespace agent_secrets::control_plane
