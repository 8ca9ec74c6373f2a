#pragma once
// `credential issue | register | ca | list | revoke`: what an agent's containers open their secrets
// with. The seed is made here, printed once, and not kept: the catalog gets its two public keys. Or
// it was made elsewhere (`secret-injector keygen`) and never comes here: then its public half is
// registered, and the public JSON printed that makes it a credential.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// issue, register and revoke wait a few seconds for the region to confirm, and say so when it has
// not (no server is running, or its region store is down): it will, later.
Result<void> issue_credential(const CredentialIssueOptions& options, Clock& clock);
// ErrorCode::invalid for keys that nobody can have made by keygen: of low order, or no points.
Result<void> register_credential(const CredentialRegisterOptions& options, Clock& clock);
// The certificates that issue and register put into credentials unless told otherwise.
Result<void> keep_credential_ca(const CredentialCaOptions& options, const Clock& clock);
Result<void> list_credentials(const CredentialListOptions& options, const Clock& clock);
Result<void> revoke_credential(const CredentialRevokeOptions& options, Clock& clock);

}  // namespace agent_secrets::control_plane
