#pragma once
// The timeline of the server on which a region's store was used last (database/timeline.h).

namespace agent_secrets::control_plane {

class Transaction;

// For a copy on another server: that server is no failover of the old one.
void forget_server_of_region(Transaction& tx);

}  // namespace agent_secrets::control_plane
