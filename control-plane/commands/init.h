#pragma once
// `init`: a data directory with one organization, one region and one admin token, all or nothing.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Everything is made in a staging directory inside the data directory, and its catalog is moved
// into place last: until then there is none, and init can be run again. Fails without a trace where
// a catalog or the settings file exists already.
Result<void> init(const InitOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
