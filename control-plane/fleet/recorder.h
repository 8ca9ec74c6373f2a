#pragma once
// Between the requests of a region's instances and its store: a request leaves its report in memory
// and is done; about once a second a thread writes what came together, in one transaction (a few
// for thousands). Reports of one instance are merged, so that many requests cost as much as one.
// They are no promise: a crash loses the last second of them. A store that fails is tried again
// with what has been gathered. That is bounded: an instance keeps its newest
// limits::kSequencesPending reports, and past limits::kInstanceReportsPending in all a further
// instance or sequence is only known to be one more (kUnlistedInstances).
//
// Threads: heard() from any and never blocks on the store; run() on a thread of its own, or flush()
// in its place. The store, the clock and the log must outlive it.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "control-plane/region/region_store.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Reports by agent and instance, in the order in which they came, one for each sequence.
class PendingReports {
 public:
  void add(HeardInstance report);
  // As if `older` had been added first.
  void add_before(PendingReports older);
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::vector<HeardInstance> list() const;

 private:
  using OfInstance = std::vector<HeardInstance>;
  void add_unlisted(const HeardInstance& report);
  bool drop_oldest(OfInstance& reports);

  std::map<std::pair<std::int64_t, std::string>, OfInstance> reports_;
  std::size_t size_ = 0;  // of all instances together
};

class InstanceRecorder {
 public:
  InstanceRecorder(std::string region, RegionStore& store, const Clock& clock, const Log& log);

  void heard(HeardInstance report);
  // Flushes about once a second until asked to stop, and then once more.
  void run(const std::stop_token& stop);
  // Writes what is there; when there is nothing, now and then that somebody listens.
  void flush();

 private:
  [[nodiscard]] bool sign_of_life_due() const;
  Result<void> write(std::span<const HeardInstance> reports);

  std::string region_;
  RegionStore& store_;
  const Clock& clock_;
  const Log& log_;

  std::mutex mutex_;
  PendingReports pending_;

  // Of the thread that flushes.
  std::chrono::milliseconds written_at_{-1};  // monotonic; -1: never
  bool failing_ = false;
};

}  // namespace agent_secrets::control_plane
