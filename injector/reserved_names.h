#pragma once
// Names that a secret set may not give the bot unless --allow says so: they take over the process
// (the loader, an interpreter, a shell), what it trusts, or the image's own wiring. A guard rail
// against accidents and lateral moves, not a sandbox: who writes a set steers its agents anyway.

#include <optional>
#include <string_view>

namespace agent_secrets {

// Why the name is reserved ("loads code into every program"), or nothing when it is not.
std::optional<std::string_view> reserved_reason(std::string_view name);

}  // namespace agent_secrets
