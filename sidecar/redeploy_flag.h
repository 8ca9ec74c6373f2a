#pragma once
// redeploy.json: the flag that an instance should be replaced. It exists exactly while the state is
// stale or superseded; a bot, a script or a probe only checks whether the file exists. Revoked and
// unbound do not create it: a replacement would be refused, so the instance that still works should
// not be drained.
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

  // Before the first answer: keeps a flag that an earlier sidecar wrote for the same release, so
  // that the flag does not disappear during a restart of the sidecar. Removes any other flag.
  Result<void> begin(std::string_view organization, std::string_view agent,
                     std::int64_t running_sequence);
  // Writes or removes the flag if it differs from the file.
  Result<void> update(const Knowledge& knowledge);

 private:
  StateDirectory& directory_;
};

// The content of redeploy.json (docs/sidecar.md).
std::string redeploy_json(const Knowledge& knowledge);

}  // namespace agent_secrets::sidecar
