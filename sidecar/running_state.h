#pragma once
// running.json, which the injector writes before it becomes the bot: what this instance was given.
// Only what a sidecar needs of it is read.

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
  bool is_watchable = true;  // not so for an env file: no control plane knows what runs
};

Result<RunningState> parse_running_state(std::string_view json);
// Nothing when the injector has not written it yet.
Result<std::optional<RunningState>> read_running_state(const StateDirectory& directory);

}  // namespace agent_secrets::sidecar
