#pragma once
// One region of a server with a catalog: a ServedRegion, which serves the region's instances
// (served_region.h), and the provisioner, which copies the catalog's changes into the region's
// store on its own thread. served_regions.h has the list of regions.
//
// On PostgreSQL a failover watch has a thread too. A region node has no failover watch, because its
// database role may not change the numbers that the watch raises.
//
// The provisioner works under a lease, so only one of several processes provisions the region. That
// process also keeps the region's audit log (audit/keeper.h), on another thread.
//
// The instance API and the REST API each say what they use of a region (instance-api/regions.h,
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

#include "control-plane/audit/keeper.h"
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
                    const LeaseOptions& lease, BundleAuditMode audit, const Clock& clock,
                    const Log& log);

  // Starts the threads; call it once.
  Result<void> start();
  // Call it when the catalog has work for the region: the provisioner looks at once.
  void look_for_work() { provisioner_.look_soon(); }
  // Call it after a failover of the catalog: the provisioner compares the region with the catalog.
  void compare_with_catalog() { provisioner_.compare_soon(); }
  // Call it when the catalog's keys have changed. If it fails, the keys stay.
  Result<void> refresh_keys() { return region_.refresh_keys(); }
  // Adds what the metrics say of the region.
  void add_to(ProcessState& state) const;
  // Absent: another process provisions the region.
  [[nodiscard]] std::optional<std::chrono::milliseconds> lag() const { return provisioner_.lag(); }

  [[nodiscard]] bool is_readable() const { return region_.is_readable(); }
  [[nodiscard]] InstanceRegion for_instances() { return region_.for_instances(); }
  [[nodiscard]] RestRegion for_rest();

 private:
  ServedRegion region_;
  LeaseKeeper lease_;
  Provisioner provisioner_;
  std::optional<AuditKeeper> audit_;
  // Declared after all that they use, so that their threads are joined first.
  FailoverWatch failover_;
  std::jthread provisioning_;
  std::jthread keeping_audit_;
};

}  // namespace agent_secrets::control_plane
