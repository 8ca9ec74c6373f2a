#pragma once
// Where injector, sidecar and bot meet when no --state-dir says it: one rule for all programs, and
// for the Python package (base-image/agent_secrets/_state.py).
//
// /run/agent-secrets for root, and for every user who may write there, as in the images of this
// project. For any other user agent-secrets in $XDG_RUNTIME_DIR, the directory that a login makes
// for its user alone (XDG Base Directory Specification); without that variable /run/agent-secrets,
// whose error message then says what to do.
//
// Threads: reads the environment; call it where nobody changes that.

#include <string>
#include <string_view>

namespace agent_secrets {

inline constexpr std::string_view kSystemStateDirectory = "/run/agent-secrets";

// Of this process.
std::string default_state_directory();

// The rule alone. `runtime_directory` is $XDG_RUNTIME_DIR or ""; a relative one is ignored, as the
// specification says.
std::string choose_state_directory(bool may_use_system_directory,
                                   std::string_view runtime_directory);

}  // namespace agent_secrets
