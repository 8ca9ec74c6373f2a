#pragma once
// A point in time as the control plane stores and compares it: milliseconds of Unix time.

#include <chrono>

namespace agent_secrets::control_plane {

using UnixMs = std::chrono::milliseconds;

}  // namespace agent_secrets::control_plane
