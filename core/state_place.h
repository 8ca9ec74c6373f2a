#pragma once
// The default state directory of injector, sidecar and bot, without --state-dir: one rule for all
// programs, and for the Python package (base-image/agent_secrets/_state.py).
//
// /run/agent-secrets for root, and for every user who may write there, as in the images of this
// project. For any other user it is agent-secrets in $XDG_RUNTIME_DIR, the directory that a login
// creates for its user alone (XDG Base Directory Specification). Without that variable it is
// /run/agent-secrets, and the error message says what to do.
//
// Threads: reads the environment; no other thread may change the environment meanwhile.

#include <string>
#include <string_view>

namespace agent_secrets {

// The default for this process.
std::string default_state_directory();

// The rule alone. `runtime_directory` is $XDG_RUNTIME_DIR or ""; a relative path is ignored, as the
// specification says.
std::string choose_state_directory(bool may_use_system_directory,
                                   std::string_view runtime_directory);

}  // namespace agent_secrets
