#pragma once
// sessions.json: how many sessions the bot has live, as the Python module (base-image/) or any bot
// writes it: {"schema": 1, "active_sessions": 2}. Reported to the fleet view, so that people see
// who still talks before they take an instance down.

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

inline constexpr std::string_view kSessionsFile = "sessions.json";

// 0 where the bot has written nothing. ErrorCode::invalid for what is no such count.
Result<std::int64_t> read_active_sessions(const StateDirectory& directory);

}  // namespace agent_secrets::sidecar
