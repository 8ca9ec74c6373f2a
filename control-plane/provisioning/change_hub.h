#pragma once
// Wakes those who wait for a change of one agent: event-driven, no thread and no poll per waiter. A
// wake says only "look again": the waiter reads the store and decides. A generation closes the gap
// between looking and subscribing.
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

  // Read before looking at the store.
  std::uint64_t generation(std::int64_t agent_id);
  // Calls `wake` once at the next notify, or at once when the generation has moved on. Returns an
  // id for unsubscribe.
  std::uint64_t subscribe(std::int64_t agent_id, std::uint64_t seen_generation, Wake wake);
  // No wake begins after it returns, but one that is under way may still be running.
  void unsubscribe(std::int64_t agent_id, std::uint64_t subscription);
  void notify(std::int64_t agent_id);
  void notify_all();  // at shutdown

 private:
  struct Topic {
    std::uint64_t generation = 0;
    std::map<std::uint64_t, Wake> waiters;
  };
  std::mutex mutex_;
  std::map<std::int64_t, Topic> topics_;
  std::uint64_t next_subscription_ = 1;
};

}  // namespace agent_secrets::control_plane
