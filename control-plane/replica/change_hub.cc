#include "control-plane/replica/change_hub.h"

#include <utility>
#include <vector>

namespace agent_secrets::control_plane {

std::uint64_t ChangeHub::generation(std::int64_t agent_id) {
  const std::scoped_lock lock(mutex_);
  const auto topic = topics_.find(agent_id);
  return topic == topics_.end() ? changes_of_all_ : generation_of(topic->second);
}

std::uint64_t ChangeHub::subscribe(std::int64_t agent_id, std::uint64_t seen_generation,
                                   Wake wake) {
  std::unique_lock lock(mutex_);
  const std::uint64_t id = next_subscription_++;
  Topic& topic = topics_[agent_id];
  if (generation_of(topic) == seen_generation) {
    topic.waiters.emplace(id, std::move(wake));
    return id;
  }
  lock.unlock();
  wake();
  return id;
}

void ChangeHub::unsubscribe(std::int64_t agent_id, std::uint64_t subscription) {
  const std::scoped_lock lock(mutex_);
  const auto topic = topics_.find(agent_id);
  if (topic != topics_.end()) topic->second.waiters.erase(subscription);
}

void ChangeHub::notify(std::int64_t agent_id) {
  std::map<std::uint64_t, Wake> woken;
  {
    const std::scoped_lock lock(mutex_);
    Topic& topic = topics_[agent_id];
    ++topic.changes;
    woken = std::exchange(topic.waiters, {});
  }
  for (const auto& [id, wake] : woken) wake();
}

void ChangeHub::notify_all() {
  std::vector<Wake> woken;
  {
    const std::scoped_lock lock(mutex_);
    ++changes_of_all_;
    for (auto& [agent_id, topic] : topics_) {
      for (auto& [id, wake] : std::exchange(topic.waiters, {})) woken.push_back(std::move(wake));
    }
  }
  for (const Wake& wake : woken) wake();
}

}  // namespace agent_secrets::control_plane
