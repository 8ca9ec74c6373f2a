#pragma once
// Reads running.json, which the injector writes before its execve: the release that this instance
// received. Only the members that a sidecar needs are read.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

struct RunningState {
  std::string organization;
  std::string agent;
  std::int64_t sequence = 0;
  bool is_watchable = true;  // false for an env file: the control plane does not know its values
};

Result<RunningState> parse_running_state(std::string_view json);
// Nothing if the injector has not written the file yet.
Result<std::optional<RunningState>> read_running_state(const StateDirectory& directory);

}  // namespace agent_secrets::sidecar
