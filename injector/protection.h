#pragma once
// Protects the process before it reads a secret.

#include "core/error.h"

namespace agent_secrets {

// Not dumpable: no ptrace and no /proc/PID/environ or mem for other processes of this user, while
// the injector runs. execve makes the bot dumpable again (prctl(2), PR_SET_DUMPABLE).
Result<void> forbid_inspection();

// Sets RLIMIT_CORE to 0, also for the bot, because a core dump would hold every value. A process
// cannot undo it without CAP_SYS_RESOURCE.
Result<void> forbid_core_dumps();

}  // namespace agent_secrets
