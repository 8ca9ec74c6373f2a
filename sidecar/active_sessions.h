#pragma once
// The number of live sessions of the bot. It is reported to the fleet view, so that operators see
// which instances still serve sessions before they stop one.
//
// Each process of the bot that counts sessions has its own file, sessions.NAME.json, and holds a
// lock on it (core/file_lock.h). The numbers of all locked files are added up; the file of a
// process that has ended is not counted. The Python package (base-image/) writes these. A bot with
// its own counting writes sessions.json instead. Both contain {"schema": 1, "active_sessions": 2}.
//
// For older sidecars the package also writes the sum to sessions.json, with the member
// "by_process": true. That sum is not corrected when a process is killed, so it is ignored here.

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

// 0 if the bot has written no file. ErrorCode::invalid if a file has another content. Removes the
// files of processes that have ended.
Result<std::int64_t> read_active_sessions(StateDirectory& directory);

}  // namespace agent_secrets::sidecar
