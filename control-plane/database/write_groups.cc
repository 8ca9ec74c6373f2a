#include "control-plane/database/write_groups.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/blocking.h"

namespace agent_secrets::control_plane {
namespace {

// Bounds how long the first of a group waits for the work of the others.
constexpr std::size_t kGroupMax = WriteCounts::kSizes.back();

}  // namespace

Result<void> WriteGroups::run(TransactionKind kind, const TransactionBody& body) {
  Waiting mine(kind, body);
  const Blocking blocking;
  {
    std::unique_lock lock(mutex_);
    queue_.push_back(&mine);
    mine.commits = !std::exchange(committing_, true);
    mine.changed.wait(lock, [&] { return mine.done || mine.commits; });
    if (!mine.done) commit_next(lock);
  }
  if (mine.exception) std::rethrow_exception(mine.exception);
  return std::move(mine.outcome);
}

// The caller is the first of the queue.
void WriteGroups::commit_next(std::unique_lock<std::mutex>& lock) {
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupMax));
  const std::vector<Waiting*> group(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  count(group.size());
  lock.unlock();
  commit(group);
  lock.lock();
  committing_ = !queue_.empty();
  if (committing_) {
    queue_.front()->commits = true;
    queue_.front()->changed.notify_one();
  }
  // Under the lock: a caller that is done destroys its Waiting.
  for (Waiting* waiting : group) {
    waiting->done = true;
    waiting->changed.notify_one();
  }
}

void WriteGroups::count(std::size_t size) {
  const auto bound = std::ranges::lower_bound(WriteCounts::kSizes, size);
  ++counts_.groups.at(static_cast<std::size_t>(bound - WriteCounts::kSizes.begin()));
  counts_.writes += size;
}

WriteCounts WriteGroups::counts() const {
  const std::scoped_lock lock(mutex_);
  WriteCounts counts = counts_;
  counts.waiting = queue_.size();
  return counts;
}

}  // namespace agent_secrets::control_plane
