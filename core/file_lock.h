#pragma once
// A lock that says "the process that holds it lives": the kernel drops it at the process's death,
// and it means the same in every container that shares the file, where a PID does not.
//
// It is a record lock (fcntl_locking(2)) for writing on the whole file. To take it, a process needs
// the file open for writing; to look at it, read permission is enough, and looking takes nothing.
// So, unlike with flock(2), a process that may only read the file can neither hold the lock nor be
// taken for its holder.

#include "core/error.h"

namespace agent_secrets {

// Held until the descriptor's last copy is closed; a child made by fork() has a copy.
// ErrorCode::conflict while another process holds a lock. `fd` must be open for writing.
Result<void> take_life_lock(int fd);

// Whether some other open file holds it. `fd` must be open for reading.
Result<bool> is_life_locked(int fd);

}  // namespace agent_secrets
