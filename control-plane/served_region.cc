#include "control-plane/served_region.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

ServedRegion::ServedRegion(std::string code, RegionHandle region, BundleAuditMode audit,
                           const Clock& clock, const Log& log)
    : code_(std::move(code)),
      region_(std::move(region)),
      follower_(code_, *region_.store, hub_, log),
      recorder_(code_, *region_.store, clock, log),
      audit_(code_, *region_.store, audit, log),
      log_(log) {
  if (region_.refused_rows) region_.refused_rows->log_to(log);
}

Result<void> ServedRegion::start() {
  auto following = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { follower_.run(stop); });
  if (!following) return propagate(following);
  following_ = std::move(*following);
  auto recording = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { recorder_.run(stop); });
  if (!recording) return propagate(recording);
  recording_ = std::move(*recording);
  if (audit_.is_deferred()) {
    auto auditing = start_thread<std::jthread>(
        "a region", [this](const std::stop_token& stop) { audit_.run(stop); });
    if (!auditing) return propagate(auditing);
    auditing_ = std::move(*auditing);
  }
  auto listener = region_.store->listen([this] { follower_.look_soon(); }, log_);
  if (!listener) return propagate(listener);
  listener_ = std::move(*listener);
  return {};
}

ReadinessCheck ServedRegion::readiness() const {
  ReadinessCheck check{.name = "region", .problem = ""};
  if (!is_readable()) check.problem = "The store of region " + code_ + " cannot be read";
  return check;
}

void ServedRegion::add_to(ProcessState& state) const {
  const std::string database = "region " + code_;
  state.databases.push_back({.database = database, .writes = region_.store->write_counts()});
  state.audit.push_back({.region = code_, .dropped = audit_.dropped()});
  if (region_.refused_rows) {
    state.refused_rows.push_back({.database = database, .count = region_.refused_rows->count()});
  }
  if (listener_ == nullptr) return;
  state.listeners.push_back({.database = database, .is_connected = listener_->is_connected()});
}

InstanceRegion ServedRegion::for_instances() {
  return {.code = code_,
          .store = *region_.store,
          .signing_keys = region_.signing_keys->now(),
          .hub = hub_,
          .facts = facts_,
          .recorder = recorder_,
          .audit = audit_};
}

}  // namespace agent_secrets::control_plane
