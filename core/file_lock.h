#pragma once
// A lock that shows that its process runs: the kernel releases the lock when the process ends. It
// works across containers that share the file; a PID does not.
//
// It is a record lock (fcntl_locking(2)) for writing on the whole file. Taking the lock needs the
// file open for writing. Checking the lock needs only read permission and takes no lock. So, unlike
// with flock(2), a process with read permission alone can neither hold the lock nor appear to hold
// it.

#include "core/error.h"

namespace agent_secrets {

// Held until the descriptor's last copy is closed; a child made by fork() has a copy.
// ErrorCode::conflict while another process holds a lock. `fd` must be open for writing.
Result<void> take_life_lock(int fd);

// Whether another open file holds the lock. `fd` must be open for reading.
Result<bool> is_life_locked(int fd);

}  // namespace agent_secrets
