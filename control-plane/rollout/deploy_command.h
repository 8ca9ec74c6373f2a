#pragma once
// The deploy command of `serve --on-deploy`: its RolloutRunner with the runner's thread, and the
// lease under which it works. Without the option, a DeployCommand does nothing.
//
// Ownership: the arguments of the constructor must outlive it. Its destructor stops and joins the
// runner, which kills the running commands, and then releases the lease.
//
// Threads: wake() from any.

#include <optional>
#include <thread>

#include "control-plane/catalog/catalog.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/rollout/runner.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/lifeline.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class DeployCommand {
 public:
  DeployCommand(std::optional<RolloutOptions> options, Catalog& catalog, LeaseOptions lease,
                const Clock& clock, const Log& log);
  // Call it once.
  Result<void> start();
  // A rollout is due: the runner checks now, not at its next poll.
  void wake();

 private:
  Lifeline lifeline_;
  std::optional<LeaseKeeper> lease_;
  std::optional<RolloutRunner> runner_;
  std::jthread thread_;  // after all that the runner uses, so that it is joined first
};

}  // namespace agent_secrets::control_plane
