#include "control-plane/rollout/deploy_command.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

DeployCommand::DeployCommand(std::optional<RolloutOptions> options, Rollouts& rollouts,
                             Events& events, const Log& log) {
  if (options) runner_.emplace(std::move(*options), rollouts, events, log);
}

Result<void> DeployCommand::start() {
  if (!runner_) return {};
  auto thread = start_thread<std::jthread>(
      "the deploy command", [this](const std::stop_token& stop) { runner_->run(stop); });
  if (!thread) return propagate(thread);
  thread_ = std::move(*thread);
  return {};
}

void DeployCommand::wake() {
  if (runner_) runner_->wake();
}

}  // namespace agent_secrets::control_plane
