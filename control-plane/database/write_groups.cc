#include "control-plane/database/write_groups.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace agent_secrets::control_plane {
namespace {

// Bounds how long the first of a group waits for the work of the others.
constexpr std::size_t kGroupMax = WriteCounts::kSizes.back();

}  // namespace

Result<void> WriteGroups::run(TransactionKind kind, const TransactionBody& body) {
  Waiting mine{.kind = kind, .body = body};
  std::unique_lock lock(mutex_);
  queue_.push_back(&mine);
  while (!mine.done) {
    if (committing_) {
      done_.wait(lock);
      continue;
    }
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kGroupMax));
    const std::vector<Waiting*> group(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    count(group.size());
    committing_ = true;
    lock.unlock();
    commit(group);
    lock.lock();
    for (Waiting* waiting : group) waiting->done = true;
    committing_ = false;
    done_.notify_all();
  }
  if (mine.exception) std::rethrow_exception(mine.exception);
  return std::move(mine.outcome);
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
