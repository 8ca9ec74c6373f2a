#pragma once
// One region while `serve` runs (served_regions.h has the list). A region has its store and signing
// keys, the long polls that wait for it (ChangeHub), the follower, which wakes them when the store
// changes, the provisioner, which copies the catalog's changes into the store, and the recorder,
// which writes the reports of instances into the store. The last three each have a thread, so a
// region that hangs delays no other region. On PostgreSQL two more have a thread: a listener, which
// wakes the follower when another process has changed the store, and a watch for failovers.
//
// The instance API and the REST API each say what they use of a region (instance-api/regions.h,
// rest-api/regions.h): only the instance API gets the signing keys.
//
// The provisioner works under a lease, so of several processes that serve the region one provisions
// it.
//
// Ownership: a ServedRegion owns its store. The catalog, the clock and the log must outlive it. Its
// destructor first stops and joins the threads (the recorder writes its last reports then), then
// releases the lease, and only then destroys what they use.
//
// Threads: safe from several after start().

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "control-plane/catalog/catalog.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/change_hub.h"
#include "control-plane/replica/failover_watch.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/replica/region_follower.h"
#include "control-plane/rest-api/process_metrics.h"
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

  // Starts the threads; call it once.
  Result<void> start();
  // The catalog has work for the region: the provisioner looks at once.
  void look_for_work() { provisioner_.look_soon(); }
  // The catalog has failed over: the provisioner compares the region with it.
  void compare_with_catalog() { provisioner_.compare_soon(); }
  // Absent on SQLite, and before start().
  [[nodiscard]] std::optional<ListenerState> listener() const;

  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] InstanceRegion for_instances();
  [[nodiscard]] RestRegion for_rest();

 private:
  std::string code_;
  RegionHandle region_;
  ChangeHub hub_;
  RegionFollower follower_;
  LeaseKeeper lease_;
  Provisioner provisioner_;
  InstanceRecorder recorder_;
  const Log& log_;
  // After all that they use, so that they are joined first.
  std::jthread following_;
  std::jthread provisioning_;
  std::jthread recording_;
  FailoverWatch failover_;
  std::unique_ptr<NoticeListener> listener_;
};

}  // namespace agent_secrets::control_plane
