#pragma once
// One region while `serve` runs, and the list of all of them. A region has its store and signing
// keys, the long polls that wait for it (ChangeHub), the follower, which wakes them when the store
// changes, the provisioner, which copies the catalog's changes into the store, and the recorder,
// which writes the reports of instances into the store. The last three each have a thread, so a
// region that hangs delays no other region. On PostgreSQL a listener has a thread too: it wakes the
// follower when another process has changed the store.
//
// The instance API and the REST API each say what they use of a region (instance-api/regions.h,
// rest-api/regions.h): only the instance API gets the signing keys.
//
// Ownership: a ServedRegion owns its store. The outbox, the clock and the log must outlive it, and
// it must outlive every request. Its destructor first stops and joins the threads (the recorder
// writes its last reports then), and only then destroys what they use.
//
// Threads: safe from several after start(); the list is const after construction.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control-plane/catalog/outbox.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/provisioning/provisioner.h"
#include "control-plane/replica/change_hub.h"
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
  ServedRegion(std::string code, RegionHandle region, Outbox& outbox, const Clock& clock,
               const Log& log);

  // Starts the threads; call it once.
  Result<void> start();
  // The catalog has work for the region: the provisioner looks at once.
  void look_for_work() { provisioner_.look_soon(); }
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
  Provisioner provisioner_;
  InstanceRecorder recorder_;
  const Log& log_;
  // After all that they use, so that they are joined first.
  std::jthread following_;
  std::jthread provisioning_;
  std::jthread recording_;
  std::unique_ptr<NoticeListener> listener_;
};

// All regions of a data directory. The list is made when the server starts. Both APIs ask for it
// again at every request, so a region that is added later needs a lock here and nothing elsewhere.
class ServedRegions {
 public:
  // `regions` is Stores::regions: by code.
  ServedRegions(std::map<std::string, RegionHandle> regions, Outbox& outbox, const Clock& clock,
                const Log& log);

  // Starts the threads of each region, and on PostgreSQL a listener: it wakes the provisioner of a
  // region when another process has written to the catalog. Call it once.
  Result<void> start();
  // Of the catalog and of each region; none on SQLite.
  [[nodiscard]] std::vector<ListenerState> listeners() const;

  [[nodiscard]] std::vector<InstanceRegion> for_instances() const;
  [[nodiscard]] std::vector<RestRegion> for_rest() const;

 private:
  // An empty code: all regions.
  void look_for_work(std::string_view code);

  Outbox& outbox_;
  const Log& log_;
  std::vector<std::unique_ptr<ServedRegion>> regions_;  // in the order of their codes
  std::unique_ptr<NoticeListener> listener_;            // last: it uses the others
};

}  // namespace agent_secrets::control_plane
