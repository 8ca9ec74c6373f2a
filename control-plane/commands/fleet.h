#pragma once
// `fleet [AGENT]`: the instances that a region has heard of, and what each runs. `--forget` drops
// what is known of one, for an operator who knows better than its silence; with `--older-than`, of
// all that were not heard of for so long.
//
// `set status NAME`: a set, and who still holds which version of it.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> show_fleet(const FleetOptions& options, const Clock& clock);
Result<void> show_set_status(const SetStatusOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
