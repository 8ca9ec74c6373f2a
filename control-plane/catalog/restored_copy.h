#pragma once
// What a catalog needs that goes on from an earlier state of itself: from a backup, or on a server
// that has lost commits (docs/decisions/0036). What was done since that state is not in it, but
// instances and regions have seen the numbers that were given then.

#include <string_view>

namespace agent_secrets::control_plane {

class Authority;
class Transaction;

// In the table `settings`: the timeline of the server that the catalog was used on last
// (database/timeline.h).
inline constexpr std::string_view kServerTimeline = "server_timeline";

// Raises by kFailoverStep
//  - each agent's sequence, so that instances accept what they get next;
//  - each agent's revision, so that each agent is published again, and its region takes the
//    snapshot even if the region is ahead of the catalog;
//  - the sequences at which new agents begin, the ids of new rows, and the tickets of rollouts, so
//    that none which was given since is given again.
// An agent whose row is refused stays refused.
void raise_numbers(Transaction& tx, const Authority& authority);

// For a copy on another server: that server is no failover of the old one.
void forget_server_of_catalog(Transaction& tx);

}  // namespace agent_secrets::control_plane
