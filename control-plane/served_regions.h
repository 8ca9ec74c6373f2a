#pragma once
// All regions of the catalog. A thread looks at the catalog's list about once a second: it opens a
// region that was added, and stops serving a region that was removed. It also looks at the
// catalog's keys, and makes the regions load them again when one was rotated. Both APIs ask for the
// list at every request.
//
// Ownership: what for_instances() and for_rest() return keeps its region alive, so a request, also
// a parked one, may use the region after it was removed. A removed region goes on working until no
// request uses it. Only follow() and the destructor destroy a region, never a thread of the server.
// The returned regions must be gone before the destructor runs.
//
// Threads: safe from several. follow() is for one thread at a time: that of start(), or a test.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control-plane/keys/stored_keys.h"
#include "control-plane/provisioned_region.h"
#include "control-plane/replica/failover_watch.h"

namespace agent_secrets::control_plane {

// What ServedRegions needs of the catalog, to follow its list of regions.
struct RegionSource {
  std::function<Result<std::set<std::string>>()> codes;                // of the catalog, now
  std::function<Result<std::int64_t>()> schema;                        // its number, now
  std::function<Result<std::vector<KeyFacts>>()> keys;                 // of all purposes, now
  std::function<Result<RegionHandle>(const std::string& code)> open;   // of a new region
  std::function<void(const std::set<std::string>& codes)> will_serve;  // exactly these
};

class ServedRegions {
 public:
  // A server is ready while its last successful look is not older.
  static constexpr std::chrono::seconds kReadyFor{5};

  // `regions` is Stores::regions: by code.
  ServedRegions(std::map<std::string, RegionHandle> regions, RegionSource source, Catalog& catalog,
                const LeaseOptions& lease, const Clock& clock, const Log& log,
                BundleAuditMode audit = BundleAuditMode::strict);

  // Starts the threads of each region, the thread that follows the catalog, and on PostgreSQL a
  // listener, which wakes the provisioner of a region when another process has written to the
  // catalog, and a failover watch. Call it once.
  Result<void> start();
  // Looks once at the catalog. Failures are logged when they begin, and the next look tries again.
  void follow();

  // Those whose stores can be read. A region that is not open yet counts as left out.
  [[nodiscard]] ListedRegions for_instances() const;
  [[nodiscard]] std::vector<RestRegion> for_rest() const;
  // For the metrics: of the catalog and of each region.
  [[nodiscard]] ProcessState process_state() const;
  // The checks `catalog` (it can be read), `schema` (the catalog's is not older than at the start),
  // `regions` (all are open) and `provisioning` (no region for which this process is responsible
  // is behind by more than limits::kReadyLag). From memory; the log has the causes.
  //
  // A region whose database has an outage counts as open: otherwise every server that starts would
  // be useless to the other regions.
  [[nodiscard]] std::vector<ReadinessCheck> readiness() const;

 private:
  using Regions = std::map<std::string, std::shared_ptr<ProvisionedRegion>>;  // by code
  // Why a look did not go well: the check that fails (empty: none), the sentence for everyone, and
  // that for the log.
  struct Trouble {
    std::string check;
    std::string what;
    std::string cause;
  };

  void run(const std::stop_token& stop);
  std::optional<Trouble> look();
  std::optional<Trouble> look_at_schema();
  void look_at_keys(const Regions& regions);
  [[nodiscard]] Result<void> load_keys(const Regions& regions) const;
  [[nodiscard]] std::string behind() const;
  static Regions take_removed(Regions& regions, const std::set<std::string>& codes);
  void open_missing(const std::set<std::string>& codes, Regions& regions,
                    std::optional<Trouble>& trouble);
  Result<std::shared_ptr<ProvisionedRegion>> begin(const std::string& code);
  void serve(Regions regions);
  void note(const std::optional<Trouble>& trouble);
  [[nodiscard]] Regions served() const;
  // An empty code: all regions.
  void look_for_work(std::string_view code) const;
  void compare_with_catalog() const;

  RegionSource source_;
  Catalog& catalog_;
  const LeaseOptions lease_;
  const BundleAuditMode audit_;
  const Clock& clock_;
  const Log& log_;

  mutable std::mutex mutex_;
  Regions regions_;                      // that are served
  bool are_all_open_ = false;            // after the last look
  std::chrono::milliseconds looked_at_;  // monotonic: when the catalog was read last
  std::optional<Trouble> trouble_;       // of the last look

  Regions removed_;          // and still in use; for follow() alone
  std::int64_t schema_ = 0;  // that the first look has found; for follow() alone
  // The keys that the regions have; absent before the first look. For follow() alone.
  std::optional<std::vector<KeyFacts>> keys_;
  std::string keys_trouble_;  // why the newest keys are not loaded; for follow() alone
  // After all that they use, so that they end first.
  FailoverWatch failover_;
  std::jthread following_;
  std::unique_ptr<NoticeListener> listener_;
};

}  // namespace agent_secrets::control_plane
