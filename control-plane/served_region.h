#pragma once
// One region while `serve` runs, and the list of all of them. A region has its store and signing
// keys, the long polls that wait for it (ChangeHub), the provisioner, which copies the catalog's
// changes into the store, and the recorder, which writes the reports of instances into the store.
// Provisioner and recorder each have a thread, so a region that hangs delays no other region.
//
// The instance API and the REST API each say what they use of a region (instance-api/regions.h,
// rest-api/regions.h): only the instance API gets the signing keys.
//
// The provisioner works under a lease, so of several processes that serve the region one provisions
// it.
//
// Ownership: a ServedRegion owns its store. The catalog, the clock and the log must outlive it, and
// it must outlive every request. Its destructor first stops and joins the two threads (the recorder
// writes its last reports then), then releases the lease, and only then destroys what they use.
//
// Threads: safe from several after start(); the list is const after construction.

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/catalog/catalog.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/provisioning/change_hub.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/rest-api/regions.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class ServedRegion {
 public:
  ServedRegion(std::string code, RegionHandle region, Catalog& catalog, const LeaseOptions& lease,
               const Clock& clock, const Log& log);

  // Starts both threads; call it once.
  Result<void> start();

  [[nodiscard]] InstanceRegion for_instances();
  [[nodiscard]] RestRegion for_rest();

 private:
  std::string code_;
  RegionHandle region_;
  ChangeHub hub_;
  LeaseKeeper lease_;
  Provisioner provisioner_;
  InstanceRecorder recorder_;
  // After all that they use, so that they are joined first.
  std::jthread provisioning_;
  std::jthread recording_;
};

// All regions of a data directory. The list is made when the server starts. Both APIs ask for it
// again at every request, so a region that is added later needs a lock here and nothing elsewhere.
class ServedRegions {
 public:
  // `regions` is Stores::regions: by code.
  ServedRegions(std::map<std::string, RegionHandle> regions, Catalog& catalog,
                const LeaseOptions& lease, const Clock& clock, const Log& log);

  // Starts the threads of each region; call it once.
  Result<void> start();

  [[nodiscard]] std::vector<InstanceRegion> for_instances() const;
  [[nodiscard]] std::vector<RestRegion> for_rest() const;

 private:
  std::vector<std::unique_ptr<ServedRegion>> regions_;  // in the order of their codes
};

}  // namespace agent_secrets::control_plane
