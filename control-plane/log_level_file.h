#pragma once
// `serve --log-level-file FILE`: the level of the log, which a running server reads again on
// SIGHUP. The file has one word: debug, info, warning or error.
//
// Threads: any.

#include <string>

#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// ErrorCode::invalid for another content.
Result<LogLevel> read_log_level(const std::string& path);

}  // namespace agent_secrets::control_plane
