#include "control-plane/fleet/recorder.h"

#include <algorithm>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kFlushEvery{1};
constexpr std::chrono::seconds kSignOfLifeEvery{10};
// The region's requests wait for a transaction, so one that is due to a whole fleet is split.
constexpr std::size_t kReportsAtOnce = 1000;
static_assert(2 * kSignOfLifeEvery < limits::kListeningGap);

}  // namespace

InstanceRecorder::InstanceRecorder(std::string region, RegionStore& store, const Clock& clock,
                                   const Log& log)
    : region_(std::move(region)), store_(store), clock_(clock), log_(log) {}

void InstanceRecorder::merge(Reports& reports, HeardInstance report) {
  const std::pair key(report.agent_id, report.instance);
  if (reports.size() >= limits::kInstanceReportsPending && !reports.contains(key)) {
    const HeardInstance one_more{.agent_id = report.agent_id,
                                 .instance = std::string(kUnlistedInstances),
                                 .kid = {},
                                 .at = report.at};
    reports[{one_more.agent_id, one_more.instance}] = {one_more};
    return;
  }
  std::vector<HeardInstance>& of_instance = reports[key];
  // What it ran before ended with the start.
  if (report.started) of_instance.clear();
  const auto known = std::ranges::find(of_instance, report.sequence, &HeardInstance::sequence);
  if (known == of_instance.end()) {
    of_instance.push_back(std::move(report));
    return;
  }
  report.started = report.started || known->started;
  report.watched = report.watched || known->watched;
  report.at = std::max(report.at, known->at);
  *known = std::move(report);
}

void InstanceRecorder::heard(HeardInstance report) {
  const std::scoped_lock lock(mutex_);
  merge(pending_, std::move(report));
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

void InstanceRecorder::flush() {
  Reports taken;
  {
    const std::scoped_lock lock(mutex_);
    taken.swap(pending_);
  }
  if (taken.empty() && !sign_of_life_due()) return;
  std::vector<HeardInstance> reports;
  for (const auto& [key, of_instance] : taken) {
    reports.insert(reports.end(), of_instance.begin(), of_instance.end());
  }
  auto written = write(reports);
  if (written) {
    written_at_ = clock_.monotonic();
  } else {
    if (!failing_) {
      log_.warning("recording instances failed; it will be retried",
                   {{"region", region_}, {"cause", written.error().message}});
    }
    keep_for_later(std::move(taken));
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

// They are older than what has come meanwhile.
void InstanceRecorder::keep_for_later(Reports unwritten) {
  const std::scoped_lock lock(mutex_);
  for (auto& [key, of_instance] : std::exchange(pending_, {})) {
    for (HeardInstance& report : of_instance) merge(unwritten, std::move(report));
  }
  pending_ = std::move(unwritten);
}

}  // namespace agent_secrets::control_plane
