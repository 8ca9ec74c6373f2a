#pragma once
// `region add | rename | remove | list`: sets and agents live in regions. `init` makes the first.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// A server that runs goes on without it until it is started again
// (docs/decisions/0016-regions-at-start.md).
Result<void> add_region(const RegionAddOptions& options, const Clock& clock);
Result<void> rename_region(const RegionRenameOptions& options, const Clock& clock);
// ErrorCode::conflict while it is in use, with what uses it. A running server takes nothing more
// for it at once, and closes its store when it ends.
Result<void> remove_region(const RegionRemoveOptions& options, const Clock& clock);
Result<void> list_regions(const RegionListOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
