#include "control-plane/served_region.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

ServedRegion::ServedRegion(std::string code, RegionHandle region, Outbox& outbox,
                           const Clock& clock, const Log& log)
    : code_(std::move(code)),
      region_(std::move(region)),
      follower_(code_, *region_.store, hub_, log),
      provisioner_(
          code_, outbox, *region_.store, [this] { follower_.look_soon(); }, clock, log),
      recorder_(code_, *region_.store, clock, log),
      log_(log) {}

Result<void> ServedRegion::start() {
  auto following = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { follower_.run(stop); });
  if (!following) return propagate(following);
  following_ = std::move(*following);
  auto provisioning = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { provisioner_.run(stop); });
  if (!provisioning) return propagate(provisioning);
  provisioning_ = std::move(*provisioning);
  auto recording = start_thread<std::jthread>(
      "a region", [this](const std::stop_token& stop) { recorder_.run(stop); });
  if (!recording) return propagate(recording);
  recording_ = std::move(*recording);
  auto listener = region_.store->listen([this] { follower_.look_soon(); }, log_);
  if (!listener) return propagate(listener);
  listener_ = std::move(*listener);
  return {};
}

std::optional<ListenerState> ServedRegion::listener() const {
  if (listener_ == nullptr) return std::nullopt;
  return ListenerState{.database = "region " + code_, .is_connected = listener_->is_connected()};
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

ServedRegions::ServedRegions(std::map<std::string, RegionHandle> regions, Outbox& outbox,
                             const Clock& clock, const Log& log)
    : outbox_(outbox), log_(log) {
  for (auto& [code, region] : regions) {
    regions_.push_back(std::make_unique<ServedRegion>(code, std::move(region), outbox, clock, log));
  }
}

Result<void> ServedRegions::start() {
  for (const auto& region : regions_) {
    if (auto started = region->start(); !started) return started;
  }
  auto listener = outbox_.listen([this](std::string_view code) { look_for_work(code); }, log_);
  if (!listener) return propagate(listener);
  listener_ = std::move(*listener);
  return {};
}

void ServedRegions::look_for_work(std::string_view code) {
  for (const auto& region : regions_) {
    if (code.empty() || code == region->code()) region->look_for_work();
  }
}

std::vector<ListenerState> ServedRegions::listeners() const {
  std::vector<ListenerState> list;
  if (listener_ != nullptr) {
    list.push_back({.database = "catalog", .is_connected = listener_->is_connected()});
  }
  for (const auto& region : regions_) {
    if (const auto state = region->listener()) list.push_back(*state);
  }
  return list;
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
