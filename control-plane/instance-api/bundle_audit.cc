#include "control-plane/instance-api/bundle_audit.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::chrono::seconds kFlushEvery{1};
constexpr std::size_t kAtOnce = limits::kAuditBatch;
// How long the records of a refused group are tried alone. A store that is slow to refuse, such as
// a database that another process holds, would make the last record wait for all attempts.
constexpr std::chrono::seconds kTryAlone{1};

// Whether each record of a group would fail for this reason. Another error may be about one record,
// such as a value that PostgreSQL refuses.
bool concerns_all(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::out_of_space;
}

}  // namespace

BundleAudit::BundleAudit(std::string region, RegionStore& store, BundleAuditMode mode,
                         const Log& log)
    : region_(std::move(region)), store_(store), mode_(mode), log_(log) {}

bool BundleAudit::record(AuditEntry entry, Recorded recorded) {
  const std::scoped_lock lock(mutex_);
  waiting_.push_back({.entry = std::move(entry), .recorded = std::move(recorded)});
  return !std::exchange(is_writing_, true);
}

// A connection has at most one record that waits, so a group needs no limit of its own. The group
// is kept until the end: its functions may own what owns this object.
bool BundleAudit::write_waiting() {
  std::vector<Waiting> group;
  {
    const std::scoped_lock lock(mutex_);
    std::swap(group, waiting_);
  }
  write(group);
  const std::scoped_lock lock(mutex_);
  is_writing_ = !waiting_.empty();
  return is_writing_;
}

void BundleAudit::record_later(AuditEntry entry) {
  const std::scoped_lock lock(mutex_);
  keep(std::move(entry));
  if (pending_.size() == kAtOnce) many_.notify_one();
}

void BundleAudit::write(std::span<Waiting> group) {
  std::vector<AuditEntry> entries;
  entries.reserve(group.size());
  for (Waiting& waiting : group) entries.push_back(std::move(waiting.entry));
  const auto began = std::chrono::steady_clock::now();
  const auto written = store_.append_audit(entries);
  const bool may_be_one = !written && group.size() > 1 && !concerns_all(written.error());
  for (std::size_t i = 0; i < group.size(); ++i) {
    const bool tries = may_be_one && std::chrono::steady_clock::now() - began < kTryAlone;
    group[i].recorded(tries ? store_.append_audit({&entries[i], 1}) : written);
  }
}

void BundleAudit::keep(AuditEntry entry) {
  if (pending_.size() < limits::kAuditPending) {
    pending_.push_back(std::move(entry));
  } else {
    ++dropped_;
  }
}

void BundleAudit::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    flush();
    std::unique_lock lock(mutex_);
    many_.wait_for(lock, stop, kFlushEvery,
                   [this] { return !failing_ && pending_.size() >= kAtOnce; });
  }
  flush();
}

void BundleAudit::flush() {
  {
    const std::scoped_lock lock(mutex_);
    std::swap(taken_, pending_);
  }
  std::span<AuditEntry> rest(taken_);
  while (!rest.empty()) {
    const auto some = rest.first(std::min(rest.size(), kAtOnce));
    const auto written = store_.append_audit(some);
    if (!written && !failing_) {
      log_.error("writing audit records of bundles failed; it will be retried",
                 {{"region", region_}, {"cause", written.error().message}});
    }
    failing_ = !written;
    if (!written) break;
    rest = rest.subspan(some.size());
  }
  {
    const std::scoped_lock lock(mutex_);
    for (AuditEntry& entry : rest) keep(std::move(entry));
  }
  taken_.clear();
  if (taken_.capacity() > 4 * kAtOnce) taken_.shrink_to_fit();
}

std::uint64_t BundleAudit::dropped() const {
  const std::scoped_lock lock(mutex_);
  return dropped_;
}

}  // namespace agent_secrets::control_plane
