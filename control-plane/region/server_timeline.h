#pragma once
// The timeline of the server on which a region's store was used last (database/timeline.h).

namespace agent_secrets::control_plane {

class Transaction;

// For a store that is restored on another server, which is no failover of the old one.
void forget_timeline(Transaction& tx);

}  // namespace agent_secrets::control_plane
