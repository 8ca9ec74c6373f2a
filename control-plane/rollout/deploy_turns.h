#pragma once
// Whose deploy command runs next. Of all that is due, the organization that runs the fewest has
// the turn, among several of those the one whose last start is longest ago; within an organization
// the oldest request. One organization runs at most limits::kRolloutsOfOrganization at once, and
// the last limits::kRolloutsReserve places are for organizations that run none. So slow commands of
// one organization hold up its own alone, and with N organizations waiting a command starts after
// at most N / limits::kRolloutsAtOnce time limits.
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
  // The one to start now, of `due`, which is ordered by request; null when none may start. Those
  // whose agent runs one already are left alone.
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
  std::map<std::string, Organization> organizations_;  // all that ever started one
  std::uint64_t starts_ = 0;
};

}  // namespace agent_secrets::control_plane
