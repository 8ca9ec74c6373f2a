#pragma once
// `token create | list | revoke`: who may use the REST API.

#include "control-plane/catalog/catalog.h"
#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// A new token of the organization's own.
Result<SecretBuffer> mint_token(Catalog& catalog, const Organization& organization,
                                std::string_view name, Role role);

Result<void> create_token(const TokenCreateOptions& options, const Clock& clock);
Result<void> list_tokens(const TokenListOptions& options, const Clock& clock);
Result<void> revoke_token(const TokenRevokeOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
