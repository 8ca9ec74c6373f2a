#pragma once
// `--user UID:GID[,GID…]`: the injector starts as root, reads the credential that only root can
// read, and the command runs as another user. Only numbers are accepted: NSS would look up a name
// with modules of the image, and so load code of the image into the process that holds the secrets.
//
// The GID is also a supplementary group, as container runtimes do it. Otherwise the command could
// leave the group by running a set-group-ID program, and so avoid a file mode that denies access to
// the group. None of root's groups is kept.
//
// Not changed: the environment (HOME is the image's), the bounding set and no_new_privs, so a
// set-user-ID program of the image works as before.

#include <string_view>
#include <vector>

#include <sys/types.h>

#include "core/error.h"

namespace agent_secrets {

struct BotUser {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // all supplementary groups, including `group`
};

Result<BotUser> parse_bot_user(std::string_view text);

// Call it before the credential is read: only root can become another user.
Result<void> check_may_switch_user();

// Gives up root permanently: first the supplementary groups, which needs root, then the group, the
// user, and every capability. Then checks that all changes are made and cannot be undone
// (credentials(7), capabilities(7)). Returns 0, or the errno of the step that failed: then this
// process must end without an exec.
//
// Async-signal-safe: makes system calls, because the wrappers of the C library signal all threads
// and wait for them. So only this thread changes, and an exec must follow, which ends the other
// threads.
int drop_privileges(const BotUser& user);

// The same with an Error.
Result<void> become(const BotUser& user);

}  // namespace agent_secrets
