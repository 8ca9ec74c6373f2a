#pragma once
// The clock of leases: the database's clock, because all processes share it.

#include <cstdint>

namespace agent_secrets::control_plane {

class Transaction;

// Returns the Unix time in milliseconds. On PostgreSQL it is the time at which the transaction
// began. SQLite gives the time in days as a floating-point number, so the result is rounded to the
// nearest millisecond.
std::int64_t database_time(Transaction& tx);

}  // namespace agent_secrets::control_plane
