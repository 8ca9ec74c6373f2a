#include "control-plane/served_region.h"

#include <stop_token>
#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

ServedRegion::ServedRegion(std::string code, RegionHandle region, Catalog& catalog,
                           const LeaseOptions& lease, const Clock& clock, const Log& log)
    : code_(std::move(code)),
      region_(std::move(region)),
      follower_(code_, *region_.store, hub_, log),
      lease_(provisioner_work(code_), catalog.leases, clock, log, lease),
      provisioner_(
          code_, catalog.outbox, *region_.store, [this] { follower_.look_soon(); }, lease_, clock,
          log),
      recorder_(code_, *region_.store, clock, log),
      log_(log),
      failover_(
          "region " + code_, [this] { return region_.store->settle_failover(); },
          [this] {
            follower_.look_soon();
            provisioner_.compare_soon();
          },
          log) {}

Result<void> ServedRegion::start() {
  if (auto started = lease_.start(); !started) return started;
  if (auto started = failover_.start(); !started) return started;
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

}  // namespace agent_secrets::control_plane
