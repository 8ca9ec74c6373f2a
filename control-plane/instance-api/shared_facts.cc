#include "control-plane/instance-api/shared_facts.h"

#include <mutex>
#include <utility>

namespace agent_secrets::control_plane {

Result<SharedFacts::Facts> SharedFacts::find(const Subject& subject, std::uint64_t generation,
                                             const std::function<Result<AgentFacts>()>& read) {
  const auto entry = entry_of(subject, generation);
  const std::scoped_lock lock(entry->reading);
  if (entry->facts == nullptr) {
    auto facts = read();
    if (!facts) return propagate(facts);
    entry->facts = std::make_shared<const AgentFacts>(std::move(*facts));
  }
  return entry->facts;
}

SharedFacts::Facts SharedFacts::find_kept(const Subject& subject, std::uint64_t generation) {
  std::shared_ptr<Entry> entry;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(subject);
    if (found == entries_.end() || found->second->generation < generation) return nullptr;
    entry = found->second;
  }
  const std::unique_lock lock(entry->reading, std::try_to_lock);
  return lock.owns_lock() ? entry->facts : nullptr;
}

std::shared_ptr<SharedFacts::Entry> SharedFacts::entry_of(const Subject& subject,
                                                          std::uint64_t generation) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(subject);
  if (found != entries_.end() && found->second->generation >= generation) return found->second;
  if (found == entries_.end() && entries_.size() >= kEntriesMax) entries_.clear();
  return entries_[subject] = std::make_shared<Entry>(generation);
}

}  // namespace agent_secrets::control_plane
