#pragma once
// `organization add | remove | list | allow-name | allowed-names`: organizations have the sets and
// agents. `init` makes the first.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Its default region is the one that was added first.
Result<void> add_organization(const OrganizationAddOptions& options, const Clock& clock);
// ErrorCode::conflict while it is in use, with what uses it. A running server refuses its requests
// from then on.
Result<void> remove_organization(const OrganizationRemoveOptions& options, const Clock& clock);
Result<void> list_organizations(const OrganizationListOptions& options, const Clock& clock);
// Reserved names that the organization's sets may have (core/reserved_names.h).
Result<void> allow_name(const OrganizationAllowNameOptions& options, const Clock& clock);
Result<void> list_allowed_names(const OrganizationAllowedNamesOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
