#pragma once
// `organization add | list`: who has sets and agents. `init` makes the first.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Its default region is the one that was added first.
Result<void> add_organization(const OrganizationAddOptions& options, const Clock& clock);
Result<void> list_organizations(const OrganizationListOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
