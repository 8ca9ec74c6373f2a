#pragma once
// What the instance API uses of the regions that this process serves. It serves an instance from
// the region's store and keys alone: it has no catalog.
//
// Ownership: the server owns the regions. A region that was listed once stays valid, at its
// address, until the server has stopped, so a parked request may keep it.

#include <functional>
#include <string>
#include <vector>

#include "control-plane/fleet/recorder.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/region_store.h"
#include "control-plane/replica/change_hub.h"

namespace agent_secrets::control_plane {

struct InstanceRegion {
  std::string code;
  RegionStore& store;
  const RegionSigningKeys& signing_keys;
  ChangeHub& hub;
  InstanceRecorder& recorder;
};

// Lists all regions that are served now, in the order of their codes. Called for every request,
// from several threads at once. A later list may have more regions, never fewer.
using InstanceRegions = std::function<std::vector<InstanceRegion>()>;

}  // namespace agent_secrets::control_plane
