#pragma once
// redeploy.json: the flag that an instance should be replaced. It exists exactly while the state is
// stale or superseded; a bot, a script or a probe needs no more than to look whether it is there.
// Revoked and unbound do not raise it: a replacement would be refused, so draining the instance
// that still works would help nobody.
//
// Threads: the watch thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"
#include "sidecar/knowledge.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

class RedeployFlag {
 public:
  explicit RedeployFlag(StateDirectory& directory) : directory_(directory) {}

  // Before the first answer: keeps the flag of a sidecar that watched this very release before, so
  // that a restart of the sidecar does not blink, and drops any other.
  Result<void> begin(std::string_view organization, std::string_view agent,
                     std::int64_t running_sequence);
  // Writes or removes it, where that changes what stands there.
  Result<void> update(const Knowledge& knowledge);

 private:
  StateDirectory& directory_;
};

// The content of redeploy.json (docs/sidecar.md).
std::string redeploy_json(const Knowledge& knowledge);

}  // namespace agent_secrets::sidecar
