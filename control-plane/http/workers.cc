#include "control-plane/http/workers.h"

#include <utility>

#include "core/threads.h"

namespace agent_secrets::control_plane {

Result<void> Workers::start(int threads) {
  while (std::ssize(threads_) < threads) {
    auto thread = start_thread<std::thread>("requests", [this] { run(); });
    if (!thread) return propagate(thread);
    threads_.push_back(std::move(*thread));
  }
  return {};
}

void Workers::post(Work work) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
    wake = must_wake();
  }
  if (wake) changed_.notify_one();
}

void Workers::finish() {
  {
    const std::scoped_lock lock(mutex_);
    is_finishing_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Workers::must_wake() {
  if (queue_.empty() || idle_ == 0 || is_waking_) return false;
  is_waking_ = true;
  return true;
}

void Workers::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !is_finishing_) {
      ++idle_;
      changed_.wait(lock);
      --idle_;
      is_waking_ = false;
    }
    if (queue_.empty()) return;
    Work work = std::move(queue_.front());
    queue_.pop_front();
    const bool wake = must_wake();
    lock.unlock();
    if (wake) changed_.notify_one();
    work();
    work = nullptr;  // what it owns is destroyed without the lock
    lock.lock();
  }
}

}  // namespace agent_secrets::control_plane
