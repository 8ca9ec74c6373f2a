#pragma once
// One region for its instances, while `serve` runs: its store and signing keys, the long polls that
// wait for it (ChangeHub), the follower, which wakes them when the store changes, and the recorder,
// which writes the reports of instances into the store. The follower and the recorder each have a
// thread, so a region that hangs delays no other region. The audit records of bundles
// have one too, if they are written later (instance-api/bundle_audit.h). On PostgreSQL a listener
// has a thread too: it wakes the follower when another process has changed the store.
//
// A ServedRegion has no catalog: a region node is one ServedRegion (serve_region_node.h). A server
// with a catalog also provisions its regions (provisioned_region.h).
//
// Ownership: a ServedRegion owns its store. The clock and the log must outlive it. Its destructor
// first stops and joins the threads (the recorder writes its last reports then), and only then
// destroys what they use.
//
// Threads: safe from several after start().

#include <memory>
#include <string>
#include <thread>

#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/replica/change_hub.h"
#include "control-plane/replica/region_follower.h"
#include "control-plane/rest-api/health.h"
#include "control-plane/rest-api/process_metrics.h"
#include "control-plane/stores.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class ServedRegion {
 public:
  ServedRegion(std::string code, RegionHandle region, BundleAuditMode audit, const Clock& clock,
               const Log& log);

  // Starts the threads; call it once.
  Result<void> start();
  // Call it when the store has changed: the follower looks at once.
  void look_for_changes() { follower_.look_soon(); }
  // Call it when keys may have been rotated. If it fails, the keys stay.
  Result<void> refresh_keys() { return region_.refresh_keys(); }
  // Whether the store can be read. Everyone may see the problem, so the cause is only in the log.
  [[nodiscard]] ReadinessCheck readiness() const;
  // Adds what the metrics say of the region. Without a listener on SQLite, and before start().
  void add_to(ProcessState& state) const;

  [[nodiscard]] const std::string& code() const { return code_; }
  [[nodiscard]] RegionStore& store() { return *region_.store; }
  // The store could be read the last time, about a second ago.
  [[nodiscard]] bool is_readable() const { return !follower_.is_failing(); }
  [[nodiscard]] InstanceRegion for_instances();
  // For new credentials.
  [[nodiscard]] std::vector<VerificationKey> verification_keys() const {
    return region_.signing_keys->now()->verification_keys;
  }

 private:
  std::string code_;
  RegionHandle region_;
  ChangeHub hub_;
  SharedFacts facts_;
  RegionFollower follower_;
  InstanceRecorder recorder_;
  BundleAudit audit_;
  const Log& log_;
  // After all that they use, so that they are joined first.
  std::jthread following_;
  std::jthread recording_;
  std::jthread auditing_;
  std::unique_ptr<NoticeListener> listener_;
};

}  // namespace agent_secrets::control_plane
