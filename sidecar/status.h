#pragma once
// `secret-sidecar status`: what the running sidecar knows, for scripts and exec probes. Needs no
// status server, only the state directory. A file that a dead sidecar left is not believed.

#include <chrono>
#include <string>

#include "core/error.h"
#include "sidecar/options.h"
#include "sidecar/watch_answer.h"

namespace agent_secrets::sidecar {

inline constexpr int kExitCurrent = 0;
inline constexpr int kExitStale = 10;
inline constexpr int kExitSuperseded = 11;
inline constexpr int kExitUnknown = 12;  // also revoked and unbound: no version to compare with

struct StatusReport {
  int exit_code = kExitUnknown;
  WatchState state = WatchState::unknown;
  std::string line;  // with its newline
};

StatusReport report_status(const StatusOptions& options, std::chrono::milliseconds unix_now);

}  // namespace agent_secrets::sidecar
