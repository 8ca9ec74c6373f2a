#pragma once
// `image-pull-secret render NAME`: the API never gives one back, so what a cluster pulls images
// with is made on the control plane's host, by whoever holds the master key.

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// ErrorCode::conflict when the newest version is not ready, unless that is allowed.
Result<void> render_image_pull_secret(const ImagePullSecretRenderOptions& options,
                                      const Clock& clock);

}  // namespace agent_secrets::control_plane
