#include "control-plane/instance-api/bundle_audit.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <span>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kFlushEvery{1};
constexpr std::size_t kAtOnce = limits::kAuditBatch;

}  // namespace

BundleAudit::BundleAudit(std::string region, RegionStore& store, BundleAuditMode mode,
                         const Log& log)
    : region_(std::move(region)), store_(store), mode_(mode), log_(log) {}

Result<void> BundleAudit::record(AuditEntry entry) {
  if (!is_deferred()) return store_.append_audit({&entry, 1});
  std::vector<AuditEntry> entries;
  entries.push_back(std::move(entry));
  keep_for_later(std::move(entries));
  return {};
}

void BundleAudit::keep_for_later(std::vector<AuditEntry> entries) {
  const std::scoped_lock lock(mutex_);
  for (AuditEntry& entry : entries) {
    if (pending_.size() < limits::kAuditPending) {
      pending_.push_back(std::move(entry));
    } else {
      ++dropped_;
    }
  }
}

void BundleAudit::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    flush();
    std::unique_lock lock(sleeping);
    woken.wait_for(lock, stop, kFlushEvery, [] { return false; });
  }
  flush();
}

void BundleAudit::flush() {
  std::vector<AuditEntry> taken;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(taken, pending_);
  }
  std::span<const AuditEntry> rest(taken);
  while (!rest.empty()) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    const auto written = store_.append_audit(some);
    if (!written && !failing_) {
      log_.error("writing audit records of bundles failed; it will be retried",
                 {{"region", region_}, {"cause", written.error().message}});
    }
    failing_ = !written;
    if (!written) return keep_for_later({rest.begin(), rest.end()});
    rest = rest.subspan(some.size());
  }
}

std::uint64_t BundleAudit::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

}  // namespace agent_secrets::control_plane
