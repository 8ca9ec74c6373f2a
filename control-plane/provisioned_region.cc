#include "control-plane/provisioned_region.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

ProvisionedRegion::ProvisionedRegion(const std::string& code, RegionHandle region, Catalog& catalog,
                                     const LeaseOptions& lease, BundleAuditMode audit,
                                     const Clock& clock, const Log& log)
    : region_(code, std::move(region), audit, clock, log),
      lease_(provisioner_work(code), catalog.leases, clock, log, lease),
      provisioner_(
          code, catalog.outbox, region_.store(), [this] { region_.look_for_changes(); }, lease_,
          clock, log),
      failover_(
          "region " + code, [this] { return region_.store().settle_failover(); },
          [this] {
            region_.look_for_changes();
            provisioner_.compare_soon();
          },
          log) {
  AuditLog* const audit_log = region_.store().audit_log();
  if (audit_log == nullptr) return;
  audit_.emplace(
      region_log(code), *audit_log, catalog.context.audit_keys,
      [this] { return lease_.term().has_value(); }, clock, log);
}

Result<void> ProvisionedRegion::start() {
  if (auto started = lease_.start(); !started) return started;
  if (auto started = failover_.start(); !started) return started;
  if (auto started = region_.start(); !started) return started;
  auto provisioning = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { provisioner_.run(stop); });
  if (!provisioning) return propagate(provisioning);
  provisioning_ = std::move(*provisioning);
  if (!audit_) return {};
  auto keeping = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { audit_->run(stop); });
  if (!keeping) return propagate(keeping);
  keeping_audit_ = std::move(*keeping);
  return {};
}

void ProvisionedRegion::add_to(ProcessState& state) const {
  region_.add_to(state);
  state.provisioning.push_back({.region = region_.code(), .lag = lag()});
}

RestRegion ProvisionedRegion::for_rest() {
  return {.code = region_.code(),
          .store = region_.store(),
          .provisioner = provisioner_,
          .verification_keys = region_.verification_keys()};
}

}  // namespace agent_secrets::control_plane
