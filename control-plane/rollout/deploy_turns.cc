#include "control-plane/rollout/deploy_turns.h"

#include <tuple>

#include "core/error.h"
#include "core/limits.h"

namespace agent_secrets::control_plane {

DeployTurns::Organization DeployTurns::find(const std::string& name) const {
  const auto found = organizations_.find(name);
  return found == organizations_.end() ? Organization{} : found->second;
}

bool DeployTurns::may_start(const Organization& organization) const {
  const std::size_t places = organization.running == 0
                                 ? limits::kRolloutsAtOnce
                                 : limits::kRolloutsAtOnce - limits::kRolloutsReserve;
  return organization.running < limits::kRolloutsOfOrganization && running_.size() < places;
}

const Rollout* DeployTurns::next(const std::vector<Rollout>& due) const {
  const Rollout* best = nullptr;
  Organization best_organization;
  for (const Rollout& rollout : due) {
    if (runs(rollout.agent_id)) continue;
    const Organization organization = find(rollout.organization);
    if (!may_start(organization)) continue;
    // Of equal ranks the first is kept: it is the older request.
    const auto rank = [](const Organization& one) { return std::tie(one.running, one.last_start); };
    if (best != nullptr && rank(best_organization) <= rank(organization)) continue;
    best = &rollout;
    best_organization = organization;
  }
  return best;
}

void DeployTurns::started(const Rollout& rollout) {
  running_.emplace(rollout.agent_id, rollout.organization);
  Organization& organization = organizations_[rollout.organization];
  ++organization.running;
  organization.last_start = ++starts_;
}

void DeployTurns::ended(std::int64_t agent_id) {
  const auto found = running_.find(agent_id);
  AGENT_SECRETS_ASSERT(found != running_.end());
  --organizations_.at(found->second).running;
  running_.erase(found);
}

}  // namespace agent_secrets::control_plane
