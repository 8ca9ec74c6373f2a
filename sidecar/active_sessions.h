#pragma once
// How many sessions the bot has live. Reported to the fleet view, so that people see who still
// talks before they take an instance down.
//
// Each process of the bot that counts has a file of its own, sessions.NAME.json, and holds a lock
// on it (core/file_lock.h): the sum counts, and what a process that has ended left behind does not.
// The Python package (base-image/) writes these. A bot that counts by itself writes sessions.json
// instead. Both contain {"schema": 1, "active_sessions": 2}.
//
// The package writes the sum to sessions.json too, for a sidecar of a version before these files,
// with the member "by_process": true. Nobody corrects that sum when a process is killed, so it does
// not count here.

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

inline constexpr std::string_view kSessionsFile = "sessions.json";

// 0 where the bot has written nothing. ErrorCode::invalid for what is no such count. Removes the
// files of processes that have ended.
Result<std::int64_t> read_active_sessions(StateDirectory& directory);

}  // namespace agent_secrets::sidecar
