#pragma once
// Copies one region's part of the catalog into its region store: pending set versions become ready
// (or failed), changed agents are published, versions that nothing needs are dropped. Each region
// has its own Provisioner, so a region that does not answer delays no other region.
//
// Steps for a version: read it from the catalog → write it to the region store → read it back and
// compare → mark it ready in the catalog. Steps for an agent: read its snapshot → write it → tell
// the region's follower (replica/region_follower.h) → confirm. Each step is idempotent, and the
// catalog records what is confirmed. So after a crash between two steps the work is repeated and
// nothing is lost (provisioner_crash_test.cc kills the process between every two).
//
// A region store that fails is retried with exponential backoff. A version that is pending for
// longer than the budget becomes `failed`, with the error. It is due again later, so it becomes
// ready once the region works. A value that does not decrypt, or that the region returns changed,
// makes its version `failed` at once. Versions are dropped only when every agent is published:
// until then the region may serve a version that an agent pinned before.
//
// At the beginning of a term, and after a failover of the catalog or the region, the provisioner
// compares the two and repairs the region (provisioning/agreement.h).
//
// Several processes may serve one region, each with a provisioner. Only the process that holds the
// lease provisioner:REGION copies versions and publishes agents in run(). publish_now() publishes
// in every process. If the lease was lost, the catalog and the region refuse the provisioner's
// writes (catalog/outbox.h, region/region_store.h), and it gives the lease up.
//
// Threads: run() on a thread of its own; wake(), look_soon(), compare_soon() and publish_now() from
// any.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "control-plane/catalog/outbox.h"
#include "control-plane/provisioning/lag.h"
#include "control-plane/region/region_store.h"
#include "control-plane/replica/lease_keeper.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

struct ProvisionerOptions {
  std::chrono::milliseconds first_backoff{200};
  std::chrono::milliseconds max_backoff{10'000};
  std::chrono::milliseconds budget{60'000};  // from a version's pending_since to `failed`
  std::chrono::milliseconds idle_poll{250};  // notices writes of other processes
  std::chrono::milliseconds expiry{1'000};   // between searches for expired credentials
  std::chrono::milliseconds sweep{60'000};   // longest time between searches for unneeded versions
};

class Provisioner {
 public:
  // `published` is called after an agent was written to the region, by run() and publish_now().
  // `lease` is for provisioner_work(region). All but the options must outlive the provisioner.
  Provisioner(std::string region, Outbox& outbox, RegionStore& store,
              std::function<void()> published, LeaseKeeper& lease, const Clock& clock,
              const Log& log, ProvisionerOptions options = {});

  // Works until asked to stop.
  void run(const std::stop_token& stop);
  // Call it after a write to the catalog that is due now: the next round begins now, not at the
  // next poll, also in the other processes that serve the region.
  void wake();
  // The next round of this process begins now.
  void look_soon();
  // After a failover of the catalog or the region: the next round under the lease compares the two.
  void compare_soon();
  // One round on the calling thread: provisions a bounded number of due versions, and publishes.
  // Does nothing without the lease.
  // Returns the time until the next round. run() is a loop of rounds.
  std::chrono::milliseconds work_once();
  // Publishes the region's changed agents now, so that the region has a deployment before the
  // deploy is answered. A failure is logged, and run() tries again.
  void publish_now();

  // Absent: this process does not provision the region, because it does not hold the lease. From
  // any thread.
  [[nodiscard]] std::optional<std::chrono::milliseconds> lag() const;

 private:
  enum class Step { done, nothing_due, failed };
  Step provision_next();
  Step note_version_failure(const PendingVersion& version, const Error& error);
  Result<void> provision(const PendingVersion& version);
  Result<void> compare_with_region(const ProvisionedVersion& written);
  bool settle_failure(const PendingVersion& version, const Error& error);
  bool begin_round();
  bool is_taken_over(const Error& error);
  Result<void> publish_agents();
  Result<void> publish(const AgentSnapshot& snapshot);
  Result<void> end_expired();
  Result<void> drop_unneeded();
  Result<void> retain_only_needed();
  std::chrono::milliseconds provision_round();
  std::chrono::milliseconds compare_round();
  std::chrono::milliseconds publish_round();
  struct Pause {
    std::chrono::milliseconds length{0};  // 0: the last round went well
    std::chrono::milliseconds until{0};   // monotonic
  };
  [[nodiscard]] std::optional<std::chrono::milliseconds> pause_left(const Pause& pause) const;
  std::chrono::milliseconds back_off(Pause& pause);
  std::chrono::milliseconds until_next_due();

  std::string region_;
  Outbox& outbox_;
  RegionStore& store_;
  const std::function<void()> published_;
  LeaseKeeper& lease_;
  const Clock& clock_;
  const Log& log_;
  ProvisionerOptions options_;
  ProvisioningLag lag_;

  // Used only by the thread that calls work_once().
  LeaseTerm term_;  // of the round
  Pause versions_;
  Pause comparison_;
  Pause agents_;
  // The versions that the region keeps; absent when it may have other versions too.
  std::optional<std::vector<RetainedVersion>> retained_;
  std::chrono::milliseconds sweep_at_{0};   // monotonic
  std::chrono::milliseconds expiry_at_{0};  // monotonic

  std::mutex publishing_;  // one publisher at a time, so that snapshots arrive in order
  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool awake_ = false;
  std::atomic<bool> to_compare_{true};
  std::atomic<bool> may_drop_{true};  // after a change that can make a version unneeded
};

}  // namespace agent_secrets::control_plane
