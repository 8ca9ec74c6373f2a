#pragma once
// Calls the functions that wait for a change of one agent, without a thread or a poll for each
// waiter. A wake carries no data: the waiter reads the store again. A change between the read and
// the subscription is not lost, because subscribe() compares the generation.
//
// Only the region's RegionFollower notifies (replica/region_follower.h).
//
// Threads: safe from several. Wake functions run on the notifying thread, outside the lock, and
// must be quick.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace agent_secrets::control_plane {

class ChangeHub {
 public:
  using Wake = std::function<void()>;

  // Get the generation before you read the store.
  std::uint64_t generation(std::int64_t agent_id);
  // Calls `wake` once: at the next notify, or at once if the generation is newer. Returns an id for
  // unsubscribe.
  std::uint64_t subscribe(std::int64_t agent_id, std::uint64_t seen_generation, Wake wake);
  // After it returns, `wake` is not called by a later notify. A call of an earlier notify may still
  // begin or be running.
  void unsubscribe(std::int64_t agent_id, std::uint64_t subscription);
  void notify(std::int64_t agent_id);
  // As if every agent had changed, also those without a waiter.
  void notify_all();

 private:
  struct Topic {
    std::uint64_t changes = 0;
    std::map<std::uint64_t, Wake> waiters;
  };
  // Both only grow, so a sum that is unchanged means that neither has.
  [[nodiscard]] std::uint64_t generation_of(const Topic& topic) const {
    return topic.changes + changes_of_all_;
  }

  std::mutex mutex_;
  std::map<std::int64_t, Topic> topics_;
  std::uint64_t changes_of_all_ = 0;
  std::uint64_t next_subscription_ = 1;
};

}  // namespace agent_secrets::control_plane
