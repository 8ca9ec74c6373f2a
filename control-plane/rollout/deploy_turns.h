#pragma once
// Decides which deploy command runs next. The organization with the fewest running commands has the
// turn; among several, the organization whose last start is longest ago. Within an organization the
// oldest request is first. One organization runs at most limits::kRolloutsOfOrganization at once,
// and the last limits::kRolloutsReserve places are for organizations without a running command. So
// slow commands of one organization delay only this organization. With N waiting organizations, a
// command starts after at most N / limits::kRolloutsAtOnce time limits.
//
// Threads: one.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control-plane/catalog/rollouts.h"

namespace agent_secrets::control_plane {

class DeployTurns {
 public:
  // The rollout of `due` (ordered by request) to start now; null if none may start. A rollout is
  // skipped while another rollout of its agent runs.
  const Rollout* next(const std::vector<Rollout>& due) const;
  void started(const Rollout& rollout);
  void ended(std::int64_t agent_id);
  [[nodiscard]] bool runs(std::int64_t agent_id) const { return running_.contains(agent_id); }

 private:
  struct Organization {
    std::size_t running = 0;
    std::uint64_t last_start = 0;  // in the order of all starts
  };
  [[nodiscard]] Organization find(const std::string& name) const;
  [[nodiscard]] bool may_start(const Organization& organization) const;

  std::map<std::int64_t, std::string> running_;        // agent → organization
  std::map<std::string, Organization> organizations_;  // all with at least one start
  std::uint64_t starts_ = 0;
};

}  // namespace agent_secrets::control_plane
