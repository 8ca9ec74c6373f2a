#include "control-plane/database/timeline.h"

#include <utility>

namespace agent_secrets::control_plane {
namespace {

struct Timelines {
  std::string server;
  std::string stored;
};

Timelines read_timelines(Transaction& tx, const TimelineRules& rules) {
  auto server =
      tx.query_later({"SELECT '' AS timeline",
                      "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline"});
  std::string stored = rules.stored(tx);
  return {.server = server.get().front().text("timeline"), .stored = std::move(stored)};
}

}  // namespace

Result<ServerTimeline> settle_failover(Database& database, const TimelineRules& rules) {
  auto found = database.read("read the server's timeline", [&](Transaction& tx) {
    return Result<Timelines>(read_timelines(tx, rules));
  });
  if (!found) return propagate(found);
  const bool is_settled = found->server.empty() || found->server == found->stored;
  if (is_settled) return ServerTimeline{.id = std::move(found->server)};
  // Urgent: revocations wait for the publication that follows.
  return database.write_urgently(
      "settle a failover", [&](Transaction& tx) -> Result<ServerTimeline> {
        rules.lock(tx);
        Timelines now = read_timelines(tx, rules);
        const bool raises = now.server != now.stored && !now.stored.empty();
        rules.store(tx, now.server);
        if (raises) rules.raise(tx);
        return ServerTimeline{.id = std::move(now.server), .was_raised = raises};
      });
}

}  // namespace agent_secrets::control_plane
