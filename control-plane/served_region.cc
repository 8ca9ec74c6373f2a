#include "control-plane/served_region.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

ServedRegion::ServedRegion(std::string code, RegionHandle region, Catalog& catalog,
                           const LeaseOptions& lease, const Clock& clock, const Log& log)
    : code_(std::move(code)),
      region_(std::move(region)),
      lease_(provisioner_work(code_), catalog.leases, clock, log, lease),
      provisioner_(code_, catalog.outbox, *region_.store, hub_, lease_, clock, log),
      recorder_(code_, *region_.store, clock, log) {}

Result<void> ServedRegion::start() {
  if (auto started = lease_.start(); !started) return started;
  auto provisioning = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { provisioner_.run(stop); });
  if (!provisioning) return propagate(provisioning);
  provisioning_ = std::move(*provisioning);
  auto recording = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { recorder_.run(stop); });
  if (!recording) return propagate(recording);
  recording_ = std::move(*recording);
  return {};
}

InstanceRegion ServedRegion::for_instances() {
  return {.code = code_,
          .store = *region_.store,
          .signing_keys = region_.signing_keys,
          .hub = hub_,
          .recorder = recorder_};
}

RestRegion ServedRegion::for_rest() {
  return {.code = code_, .store = *region_.store, .provisioner = provisioner_};
}

ServedRegions::ServedRegions(std::map<std::string, RegionHandle> regions, Catalog& catalog,
                             const LeaseOptions& lease, const Clock& clock, const Log& log) {
  for (auto& [code, region] : regions) {
    regions_.push_back(
        std::make_unique<ServedRegion>(code, std::move(region), catalog, lease, clock, log));
  }
}

Result<void> ServedRegions::start() {
  for (const auto& region : regions_) {
    if (auto started = region->start(); !started) return started;
  }
  return {};
}

std::vector<InstanceRegion> ServedRegions::for_instances() const {
  std::vector<InstanceRegion> list;
  list.reserve(regions_.size());
  for (const auto& region : regions_) list.push_back(region->for_instances());
  return list;
}

std::vector<RestRegion> ServedRegions::for_rest() const {
  std::vector<RestRegion> list;
  list.reserve(regions_.size());
  for (const auto& region : regions_) list.push_back(region->for_rest());
  return list;
}

}  // namespace agent_secrets::control_plane
