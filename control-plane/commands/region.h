#pragma once
// `region add | list`: where sets and agents live. `init` makes the first.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// A server that runs goes on without it until it is started again
// (docs/decisions/0016-regions-at-start.md).
Result<void> add_region(const RegionAddOptions& options, const Clock& clock);
Result<void> list_regions(const RegionListOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
