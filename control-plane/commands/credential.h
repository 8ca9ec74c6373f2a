#pragma once
// `credential issue | list | revoke`: what an agent's containers open their secrets with. The seed
// is made here, printed once, and not kept: the catalog gets its two public keys.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// issue and revoke wait a few seconds for the region to confirm, and say so when it has not (no
// server is running, or its region store is down): it will, later.
Result<void> issue_credential(const CredentialIssueOptions& options, Clock& clock);
Result<void> list_credentials(const CredentialListOptions& options, const Clock& clock);
Result<void> revoke_credential(const CredentialRevokeOptions& options, Clock& clock);

}  // namespace agent_secrets::control_plane
