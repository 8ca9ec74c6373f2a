#pragma once

namespace agent_secrets::control_plane {

class Transaction;

// The first statement of a transaction that changes an agent: one such transaction at a time. LOCK
// waits before the transaction gets its view of the data (postgresql.org/docs/15/sql-lock.html).
// Without it, a transaction that waits for another one's new number would fail, and would have to
// run again. A writer of SQLite is alone already.
void lock_changes(Transaction& tx);

}  // namespace agent_secrets::control_plane
