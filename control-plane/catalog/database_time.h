#pragma once
// The clock that decides about leases: the database's, which all processes share.

#include <cstdint>

namespace agent_secrets::control_plane {

class Transaction;

// Milliseconds of Unix time. PostgreSQL's is the time at which the transaction began. SQLite's
// comes in days, as a floating-point number a little beside the whole millisecond that is meant; it
// is rounded.
std::int64_t database_time(Transaction& tx);

}  // namespace agent_secrets::control_plane
