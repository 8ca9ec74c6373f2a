#include "control-plane/fleet/recorder.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kFlushEvery{1};
constexpr std::chrono::seconds kSignOfLifeEvery{10};
// Requests of the region wait while a transaction writes, so the reports of a large fleet are
// written in several transactions.
constexpr std::size_t kReportsAtOnce = 1000;
static_assert(2 * kSignOfLifeEvery < limits::kListeningGap);

}  // namespace

void PendingReports::add(HeardInstance report) {
  const std::pair key(report.agent_id, report.instance);
  auto found = reports_.find(key);
  if (found == reports_.end()) {
    if (size_ >= limits::kInstanceReportsPending) return add_unlisted(report);
    found = reports_.try_emplace(key).first;
  }
  OfInstance& of_instance = found->second;
  if (starts_anew(report)) {  // the process that sent the earlier reports has ended
    size_ -= of_instance.size();
    of_instance.clear();
  }
  const auto known = std::ranges::find(of_instance, report.sequence, &HeardInstance::sequence);
  if (known != of_instance.end()) {
    const bool is_new_start = starts_anew(report) || starts_anew(*known);
    // The report of a bot is never turned into the report of a developer's run.
    report.developers_run = report.developers_run && known->developers_run;
    report.started = is_new_start || report.developers_run;
    report.watched = report.watched || known->watched;
    report.at = std::max(report.at, known->at);
    *known = std::move(report);
    return;
  }
  const bool full = size_ >= limits::kInstanceReportsPending;
  if (full || of_instance.size() >= limits::kSequencesPending) {
    add_unlisted(report);
    if (!drop_oldest(of_instance)) return;
  }
  of_instance.push_back(std::move(report));
  ++size_;
}

// One mark for each agent, also beyond limits::kInstanceReportsPending: the number of agents has a
// limit of its own.
void PendingReports::add_unlisted(const HeardInstance& report) {
  const HeardInstance one_more{.agent_id = report.agent_id,
                               .instance = std::string(kUnlistedInstances),
                               .kid = {},
                               .at = report.at};
  OfInstance& unlisted = reports_[{one_more.agent_id, one_more.instance}];
  size_ -= unlisted.size();
  unlisted = {one_more};
  ++size_;
}

// Drops the oldest report that is not a start. A start is kept, because it removes the earlier
// records of the instance. False: all reports are starts.
bool PendingReports::drop_oldest(OfInstance& reports) {
  const auto oldest = std::ranges::find(reports, false, &HeardInstance::started);
  if (oldest == reports.end()) return false;
  reports.erase(oldest);
  --size_;
  return true;
}

void PendingReports::add_before(PendingReports older) {
  std::swap(*this, older);
  for (auto& [key, newer] : older.reports_) {
    for (HeardInstance& report : newer) add(std::move(report));
  }
}

std::vector<HeardInstance> PendingReports::list() const {
  std::vector<HeardInstance> all;
  all.reserve(size_);
  for (const auto& [key, of_instance] : reports_) {
    all.insert(all.end(), of_instance.begin(), of_instance.end());
  }
  return all;
}

InstanceRecorder::InstanceRecorder(std::string region, RegionStore& store, const Clock& clock,
                                   const Log& log)
    : region_(region),
      store_(store),
      clock_(clock),
      log_(log),
      uses_(std::move(region), store, clock, log) {}

void InstanceRecorder::heard(HeardInstance report) {
  const std::scoped_lock lock(mutex_);
  pending_.add(std::move(report));
}

void InstanceRecorder::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    flush();
    std::unique_lock lock(sleeping);
    woken.wait_for(lock, stop, kFlushEvery, [] { return false; });
  }
  flush();
}

bool InstanceRecorder::sign_of_life_due() const {
  return written_at_.count() < 0 || clock_.monotonic() - written_at_ >= kSignOfLifeEvery;
}

// A store that has just failed is not tried again for the uses: each try may wait for seconds, also
// while the server stops.
void InstanceRecorder::flush() {
  flush_reports();
  if (!failing_) uses_.flush();
}

void InstanceRecorder::flush_reports() {
  PendingReports taken;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(taken, pending_);
  }
  if (taken.empty() && !sign_of_life_due()) return;
  auto written = write(taken.list());
  if (written) {
    written_at_ = clock_.monotonic();
  } else {
    if (!failing_) {
      log_.warning("recording instances failed; it will be retried",
                   {{"region", region_}, {"cause", written.error().message}});
    }
    const std::scoped_lock lock(mutex_);
    pending_.add_before(std::move(taken));
  }
  failing_ = !written;
}

Result<void> InstanceRecorder::write(std::span<const HeardInstance> reports) {
  do {
    const auto some = reports.first(std::min(reports.size(), kReportsAtOnce));
    auto written = store_.record_instances(some, clock_.unix_time());
    if (!written) return written;
    reports = reports.subspan(some.size());
  } while (!reports.empty());
  return {};
}

}  // namespace agent_secrets::control_plane
