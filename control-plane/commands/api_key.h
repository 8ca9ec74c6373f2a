#pragma once
// `api-key create | list | revoke`: an organization's keys, for programs.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> create_api_key(const ApiKeyCreateOptions& options, const Clock& clock);
Result<void> list_api_keys(const ApiKeyListOptions& options, const Clock& clock);
Result<void> revoke_api_key(const ApiKeyRevokeOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
