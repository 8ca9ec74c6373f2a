#pragma once
// `organization add | list | allow-name | allowed-names`. `init` makes the first organization.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Its default region is the one that was added first.
Result<void> add_organization(const OrganizationAddOptions& options, const Clock& clock);
Result<void> list_organizations(const OrganizationListOptions& options, const Clock& clock);
// Reserved names that the organization's sets may have (core/reserved_names.h).
Result<void> allow_name(const OrganizationAllowNameOptions& options, const Clock& clock);
Result<void> list_allowed_names(const OrganizationAllowedNamesOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
