#pragma once
// The last use of a credential, to the hour: a request with a valid proof of a credential that is
// neither revoked nor expired. Uses are in the region's store, because a region node has no
// catalog. The row of a use stays until the agent is removed, or until another use of the agent
// is written after the credential has left the lists.

#include <cstdint>
#include <string>

#include "control-plane/model/time.h"

namespace agent_secrets::control_plane {

struct CredentialUse {
  std::string kid;
  std::int64_t agent_id = 0;
  UnixMs hour{};  // its beginning
};

}  // namespace agent_secrets::control_plane
