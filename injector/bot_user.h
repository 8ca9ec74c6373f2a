#pragma once
// `--user UID:GID[,GID…]`: the injector starts as root, reads the credential that only root can
// read, and the command runs as somebody else. Numbers only: a name would have to be looked up
// through NSS, whose modules are the image's code, loaded into the process that holds the secrets.
//
// The GID is put among the supplementary groups too, as container runtimes do: without it a
// set-group-ID program would rid the command of that group, and with it of a mode that keeps the
// group out. Nothing of root's groups stays.
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
  std::vector<gid_t> groups;  // all supplementary ones, `group` among them
};

Result<BotUser> parse_bot_user(std::string_view text);

// Asked before the credential is read: who is not root cannot become anybody.
Result<void> check_may_switch_user();

// Gives up root for good: supplementary groups first, which needs it, then the group, the user, and
// every capability; then looks whether all that is so and cannot be undone (credentials(7),
// capabilities(7)). 0, or the errno of what failed; this process must then end without an exec.
//
// Async-signal-safe. System calls, not the C library's wrappers, which change all threads by a
// signal to each and wait for them: only this thread changes, so an exec has to follow, which ends
// the others.
int drop_privileges(const BotUser& user);

// The same with an Error.
Result<void> become(const BotUser& user);

}  // namespace agent_secrets
