#include "control-plane/rollout/deploy_command.h"

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>

#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

using std::chrono::milliseconds;

// The runner kills its commands when the trust in the lease ends. If it cannot, the supervisors do
// a little later, and before another process can take the lease.
milliseconds end_of_commands(milliseconds trusted_until) {
  const bool ends_later = trusted_until > milliseconds(0) && trusted_until < milliseconds::max();
  return ends_later ? trusted_until + limits::kLeaseGrace : trusted_until;
}

}  // namespace

DeployCommand::DeployCommand(std::optional<RolloutOptions> options, Catalog& catalog,
                             LeaseOptions lease, const Clock& clock, const Log& log) {
  if (!options) return;
  lease.on_change = [this](milliseconds trusted_until) {
    lifeline_.hold_until(end_of_commands(trusted_until));
  };
  lease_.emplace(std::string(kRolloutsWork), catalog.leases, clock, log, std::move(lease));
  runner_.emplace(std::move(*options), catalog.rollouts, catalog.events, *lease_, lifeline_, log);
}

Result<void> DeployCommand::start() {
  if (!runner_) return {};
  if (auto started = lease_->start(); !started) return started;
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
