#pragma once
// What the process does for itself before it touches a secret.

#include "core/error.h"

namespace agent_secrets {

// Not dumpable: no ptrace and no /proc/PID/environ or mem for other processes of this user, while
// the injector runs. execve makes the bot dumpable again (prctl(2), PR_SET_DUMPABLE).
Result<void> forbid_inspection();

// RLIMIT_CORE 0, for the bot too: its core would hold every value. Not to be undone without
// CAP_SYS_RESOURCE.
Result<void> forbid_core_dumps();

}  // namespace agent_secrets
