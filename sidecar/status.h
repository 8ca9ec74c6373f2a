#pragma once
// `secret-sidecar status`: prints the state of the running sidecar, for scripts and exec probes. It
// needs no status server, only the state directory. The file of a sidecar that has ended is
// ignored.

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
