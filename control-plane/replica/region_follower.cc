#include "control-plane/replica/region_follower.h"

#include <utility>

#include "core/limits.h"

namespace agent_secrets::control_plane {

RegionFollower::RegionFollower(std::string region, RegionStore& store, ChangeHub& hub,
                               const Log& log)
    : region_(std::move(region)), store_(store), hub_(hub), log_(log) {}

void RegionFollower::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    look();
    wait(stop);
  }
}

void RegionFollower::wait(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  condition_.wait_for(lock, stop, limits::kLookGap, [] { return false; });
  condition_.wait_for(lock, stop, limits::kLookEvery, [this] { return look_soon_; });
  look_soon_ = false;
}

void RegionFollower::look_soon() {
  {
    const std::scoped_lock lock(mutex_);
    look_soon_ = true;
  }
  condition_.notify_one();
}

void RegionFollower::look() {
  const auto changes = store_.changes_since(seen_);
  note_outcome(changes);
  if (!changes) return;
  if (changes->number < std::exchange(seen_, changes->number)) return hub_.notify_all();
  for (const std::int64_t agent : changes->agents) hub_.notify(agent);
}

void RegionFollower::note_outcome(const Result<RegionChanges>& changes) {
  if (!changes && !failing_) {
    log_.warning("looking for changed agents failed; it will be retried",
                 {{"region", region_}, {"cause", changes.error().message}});
  }
  if (changes && failing_) log_.info("changed agents are found again", {{"region", region_}});
  failing_ = !changes;
}

}  // namespace agent_secrets::control_plane
