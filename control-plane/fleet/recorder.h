#pragma once
// Writes the reports of a region's instances to its store, outside of their requests. A request
// adds its report in memory. About once a second a thread writes the gathered reports, in one
// transaction (several for thousands of reports). Reports of one instance are merged, so many
// requests cost as much as one. A crash loses the reports of the last second. If the store fails,
// the reports are kept and written later. The memory is bounded: an instance keeps its newest
// limits::kSequencesPending reports, and beyond limits::kInstanceReportsPending reports in all, a
// further instance or sequence only marks its agent as having unlisted instances
// (kUnlistedInstances). The same thread writes the last use of credentials (use_recorder.h).
//
// Threads: heard() from any thread, and never blocks on the store; run() on a thread of its own, or
// flush() in its place. The store, the clock and the log must outlive the recorder.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control-plane/fleet/use_recorder.h"
#include "control-plane/region/region_store.h"
#include "core/clock.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

// Reports by agent and instance, in the order in which they came, one for each sequence.
class PendingReports {
 public:
  void add(HeardInstance report);
  // The result is as if `older` had been added first.
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
  // Notes the use of the credential. The request may also be a report of an instance.
  void used(std::int64_t agent_id, std::string_view kid) { uses_.used(agent_id, kid); }
  // Flushes about once a second until a stop is requested, and then once more.
  void run(const std::stop_token& stop);
  // Writes the reports and the uses. Without reports it writes every 10 s that the server listens.
  void flush();

 private:
  [[nodiscard]] bool sign_of_life_due() const;
  void flush_reports();
  Result<void> write(std::span<const HeardInstance> reports);

  std::string region_;
  RegionStore& store_;
  const Clock& clock_;
  const Log& log_;

  std::mutex mutex_;
  PendingReports pending_;
  UseRecorder uses_;

  // Used only by the thread that calls flush().
  std::chrono::milliseconds written_at_{-1};  // monotonic; -1: never
  bool failing_ = false;
};

}  // namespace agent_secrets::control_plane
