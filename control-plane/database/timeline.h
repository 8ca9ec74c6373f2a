#pragma once
// Detects failovers by the timeline of the PostgreSQL server.
//
// In a failover a standby becomes the primary. With asynchronous replication the standby may lack
// the last commits of the old primary. Numbers then go back: the next deployment of an agent would
// get a sequence that instances have already seen with other content.
//
// Each promotion of a server begins a new timeline. Its number is in the file names of the
// write-ahead log (postgresql.org/docs/15/continuous-archiving.html#BACKUP-TIMELINES). A database
// stores the timeline on which it was last used, in the same log as its commits: a failover that
// loses the stored timeline loses the later commits too. If the server's timeline is not the stored
// one, the numbers of the database are raised by kFailoverStep, above all numbers that lost commits
// can have used.
//
// pg_control_checkpoint() also has a timeline, but that of the last checkpoint, which shortly after
// a promotion is still the old one. The functions used here can be called by every role, unless an
// administrator has revoked this right. In that case settle_failover() fails.
// Source: postgresql.org/docs/15/functions-admin.html#FUNCTIONS-ADMIN-BACKUP.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "control-plane/database/database.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Higher than the number of changes of one agent that a failover can lose.
inline constexpr std::int64_t kFailoverStep = std::int64_t{1} << 20;

struct ServerTimeline {
  std::string id;           // eight hexadecimal digits; empty on SQLite, which has no failover
  bool was_raised = false;  // this call found a new timeline and raised the numbers
};

// How a database stores its timeline, and what it raises when the timeline has changed. All
// functions run in a transaction.
struct TimelineRules {
  std::string (*stored)(Transaction& tx);  // empty: none yet
  void (*store)(Transaction& tx, std::string_view id);
  void (*lock)(Transaction& tx);  // so that one process raises, and no other change is made
  std::function<void(Transaction& tx)> raise;
};

// Runs two queries while the timeline is the stored one. If several processes find a new timeline,
// exactly one raises the numbers. The first call on a new database only stores the timeline.
Result<ServerTimeline> settle_failover(Database& database, const TimelineRules& rules);

}  // namespace agent_secrets::control_plane
