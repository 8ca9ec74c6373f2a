#pragma once
// `public-url show` and `public-url set`: what is recorded of how agents reach this control plane.
// A credential names base URLs, and a request that it signs for another one is refused
// (`wrong-audience`), so `set` first says which live credentials a change would break, and asks for
// --yes.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

Result<void> show_public_urls(const PublicUrlShowOptions& options, const Clock& clock);
Result<void> set_public_urls(const PublicUrlSetOptions& options, const Clock& clock);

}  // namespace agent_secrets::control_plane
