#pragma once
// The deploy command of `serve --on-deploy`: its RolloutRunner, and the runner's thread. Without
// the option, a DeployCommand does nothing.
//
// Ownership: the arguments of the constructor must outlive it. Its destructor stops and joins the
// thread.
//
// Threads: wake() from any.

#include <optional>
#include <thread>

#include "control-plane/catalog/events.h"
#include "control-plane/catalog/rollouts.h"
#include "control-plane/rollout/runner.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class DeployCommand {
 public:
  DeployCommand(std::optional<RolloutOptions> options, Rollouts& rollouts, Events& events,
                const Log& log);
  // Call it once.
  Result<void> start();
  // A rollout is due: the runner checks now, not at its next poll.
  void wake();

 private:
  std::optional<RolloutRunner> runner_;
  std::jthread thread_;  // after the runner, so that it is joined first
};

}  // namespace agent_secrets::control_plane
