#pragma once
// One region while `serve` runs, and the list of all of them. A region has its store and signing
// keys, the long polls that wait for it (ChangeHub), the provisioner, which copies the catalog's
// changes into the store, and the recorder, which writes the reports of instances into the store.
// Provisioner and recorder each have a thread, so a region that hangs delays no other region.
//
// The instance API and the REST API each say what they use of a region (instance-api/regions.h,
// rest-api/regions.h): only the instance API gets the signing keys.
//
// Ownership: a ServedRegion owns its store. The outbox, the clock and the log must outlive it. Its
// destructor first stops and joins the two threads (the recorder writes its last reports then), and
// only then destroys what they use.
//
// Threads: safe from several after start().

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "control-plane/catalog/outbox.h"
#include "control-plane/fleet/recorder.h"
#include "control-plane/instance-api/regions.h"
#include "control-plane/provisioning/change_hub.h"
#include "control-plane/provisioning/provisioner.h"
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

  // Starts both threads; call it once.
  Result<void> start();

  [[nodiscard]] InstanceRegion for_instances();
  [[nodiscard]] RestRegion for_rest();

 private:
  std::string code_;
  RegionHandle region_;
  ChangeHub hub_;
  Provisioner provisioner_;
  InstanceRecorder recorder_;
  // After all that they use, so that they are joined first.
  std::jthread provisioning_;
  std::jthread recording_;
};

// What ServedRegions needs of the catalog, to follow its list of regions.
struct RegionSource {
  std::function<Result<std::set<std::string>>()> codes;                // of the catalog, now
  std::function<Result<RegionHandle>(const std::string& code)> open;   // of a new region
  std::function<void(const std::set<std::string>& codes)> will_serve;  // exactly these
};

// All regions of the catalog. A thread looks at the catalog's list about once a second: it opens a
// region that was added, and stops serving a region that was removed. Both APIs ask for the list at
// every request.
//
// Ownership: what for_instances() and for_rest() return keeps its region alive, so a request, also
// a parked one, may use the region after it was removed. A removed region goes on working until no
// request uses it. Only follow() and the destructor destroy a region, never a thread of the server.
// The returned regions must be gone before the destructor runs.
//
// Threads: safe from several. follow() is for one thread at a time: that of start(), or a test.
class ServedRegions {
 public:
  // A server is ready while its last successful look is not older.
  static constexpr std::chrono::seconds kReadyFor{5};

  // `regions` is Stores::regions: by code.
  ServedRegions(std::map<std::string, RegionHandle> regions, RegionSource source, Outbox& outbox,
                const Clock& clock, const Log& log);

  // Starts the threads of each region, and the thread that follows the catalog. Call it once.
  Result<void> start();
  // Looks once at the catalog. Failures are logged when they begin, and the next look tries again.
  void follow();

  [[nodiscard]] std::vector<InstanceRegion> for_instances() const;
  [[nodiscard]] std::vector<RestRegion> for_rest() const;
  // ErrorCode::unavailable while the catalog cannot be read, or a region of it cannot be opened.
  // The message is for everyone: the log has the cause.
  [[nodiscard]] Result<void> ready() const;

 private:
  using Regions = std::map<std::string, std::shared_ptr<ServedRegion>>;  // by code
  // Why a look failed: for everyone, and for the log.
  struct Trouble {
    std::string what;
    std::string cause;
  };

  void run(const std::stop_token& stop);
  std::optional<Trouble> look();
  static Regions take_removed(Regions& regions, const std::set<std::string>& codes);
  Result<std::shared_ptr<ServedRegion>> begin(const std::string& code);
  void serve(Regions regions);
  void note(const std::optional<Trouble>& trouble);

  RegionSource source_;
  Outbox& outbox_;
  const Clock& clock_;
  const Log& log_;

  mutable std::mutex mutex_;
  Regions regions_;                      // that are served
  std::chrono::milliseconds looked_at_;  // monotonic: the last look that went well
  std::string trouble_;                  // of the last look; empty: none

  Regions removed_;  // and still in use; for follow() alone
  std::jthread following_;
};

}  // namespace agent_secrets::control_plane
