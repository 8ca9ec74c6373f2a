#pragma once
// Stamps of set versions (StampedVersion in region_store.h).

#include <cstdint>

namespace agent_secrets::control_plane {

// Random, of 64 bits: two stamps of one version are equal with a probability of 2^-64.
std::int64_t new_stamp();

}  // namespace agent_secrets::control_plane
