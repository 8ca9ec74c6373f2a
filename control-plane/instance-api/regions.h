#pragma once
// What the instance API uses of the regions that this process serves. It serves an instance from
// the region's store and keys alone: it has no catalog.
//
// Ownership: the server owns the regions. A listed region stays valid, at its address, as long as
// `alive` or a copy of it exists, also when the region is removed meanwhile. A request that uses
// anything of the region keeps `alive`, also while it is parked.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/bundle_audit.h"
#include "control-plane/instance-api/shared_facts.h"
#include "control-plane/keys/key_store.h"
#include "control-plane/region/region_store.h"
#include "control-plane/replica/change_hub.h"

namespace agent_secrets::control_plane {

struct InstanceRegion {
  std::string code;
  RegionStore& store;
  std::shared_ptr<const RegionSigningKeys> signing_keys;  // as they are now
  ChangeHub& hub;
  SharedFacts& facts;  // shared by the watches that the hub wakes
  InstanceRecorder& recorder;
  BundleAudit& audit;
  std::shared_ptr<const void> alive = nullptr;
};

struct ListedRegions {
  std::vector<InstanceRegion> regions;  // in the order of their codes
  // False: a region is left out, because its store cannot be read now. It may have the credential
  // that no other region knows.
  bool are_all = true;
};

// Lists the regions whose stores can be read, so that a request does not wait for the database of
// another region. Called for every request, from several threads at once. A later list may have
// other regions.
using InstanceRegions = std::function<ListedRegions()>;

}  // namespace agent_secrets::control_plane
