#pragma once
// What the two files of `credential` share: credential_issue.cc has the commands that make
// credentials, credential.cc the others.

#include <string>

#include "control-plane/commands/admin.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Declarations;

// Waits until the agent's region has confirmed the credential's present state, at most 5 s. False:
// not confirmed, because no server runs or the region's store is down. The region learns of the
// credential later.
Result<bool> wait_for_region(OpenedOrganization& opened, const std::string& agent,
                             const std::string& kid, Clock& clock);

void declare_credential_issue(const Declarations& credential);
void declare_credential_register(const Declarations& credential);

}  // namespace agent_secrets::control_plane
