#pragma once
// One region of a server with a catalog: the region as its instances use it (served_region.h), and
// the provisioner, which copies the catalog's changes into its store, on a thread of its own.
// served_regions.h has the list.
//
// On PostgreSQL a watch for failovers has a thread too. A region node has none: its role may not
// change what the watch raises.
//
// The provisioner works under a lease, so of several processes that serve the region one provisions
// it. The instance API and the REST API each say what they use of a region (instance-api/regions.h,
// rest-api/regions.h): only the instance API gets the signing keys.
//
// Ownership: the catalog, the clock and the log must outlive it. Its destructor joins the
// provisioner's thread and releases the lease before it destroys the region.
//
// Threads: safe from several after start().

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "control-plane/catalog/catalog.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/failover_watch.h"
#include "control-plane/replica/lease_keeper.h"
#include "control-plane/rest-api/regions.h"
#include "control-plane/served_region.h"

namespace agent_secrets::control_plane {

class ProvisionedRegion {
 public:
  ProvisionedRegion(const std::string& code, RegionHandle region, Catalog& catalog,
                    const LeaseOptions& lease, const Clock& clock, const Log& log);

  // Starts the threads; call it once.
  Result<void> start();
  // The catalog has work for the region: the provisioner looks at once.
  void look_for_work() { provisioner_.look_soon(); }
  // The catalog has failed over: the provisioner compares the region with it.
  void compare_with_catalog() { provisioner_.compare_soon(); }
  // Adds what the metrics say of the region.
  void add_to(ProcessState& state) const;
  // Absent: another process provisions the region.
  [[nodiscard]] std::optional<std::chrono::milliseconds> lag() const { return provisioner_.lag(); }

  [[nodiscard]] InstanceRegion for_instances() { return region_.for_instances(); }
  [[nodiscard]] RestRegion for_rest();

 private:
  ServedRegion region_;
  LeaseKeeper lease_;
  Provisioner provisioner_;
  // After all that they use, so that they are joined first.
  FailoverWatch failover_;
  std::jthread provisioning_;
};

}  // namespace agent_secrets::control_plane
