#include "control-plane/http/workers.h"

#include <algorithm>
#include <utility>

#include "core/heap.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {
namespace {

int processors_of_machine() {
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
}

}  // namespace

Workers::Workers(int processors)
    : at_once_(processors > 0 ? processors : processors_of_machine()) {}

Result<void> Workers::start(int threads) {
  while (std::ssize(threads_) < threads) {
    auto thread = start_thread<std::thread>("requests", [this] {
      grow_heap_of_thread();
      run();
    });
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

void Workers::blocking_begins() {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    ++blocked_;
    wake = must_wake();
  }
  if (wake) changed_.notify_one();
}

void Workers::blocking_ends() {
  const std::scoped_lock lock(mutex_);
  --blocked_;
}

bool Workers::may_take() const { return !queue_.empty() && !is_busy(); }

// An idle thread is also woken to watch the work that no thread may take yet.
bool Workers::must_wake() {
  if (queue_.empty() || idle_ == 0 || is_waking_) return false;
  if (!may_take() && is_watched_) return false;
  is_waking_ = true;
  return true;
}

// Until there is work that this thread takes, or the end.
void Workers::wait_for_work(std::unique_lock<std::mutex>& lock) {
  ++idle_;
  bool is_patient = true;
  while (!is_finishing_ && !may_take() && (is_patient || queue_.empty())) {
    is_patient = true;
    if (queue_.empty() || is_watched_) {
      changed_.wait(lock);
    } else {
      is_watched_ = true;
      is_patient = changed_.wait_for(lock, kPatience) == std::cv_status::no_timeout;
      is_watched_ = false;
    }
    // Also after a timeout, because it may have come together with the wake. If another thread is
    // still being woken, one wake too many does no harm.
    is_waking_ = false;
  }
  --idle_;
}

void Workers::run_next(std::unique_lock<std::mutex>& lock) {
  ++running_;
  Work work = std::move(queue_.front());
  queue_.pop_front();
  const bool wake = must_wake();
  lock.unlock();
  if (wake) changed_.notify_one();
  work();
  work = nullptr;  // what it owns is destroyed without the lock
  lock.lock();
  --running_;
}

void Workers::run() {
  Blocking::report_to(*this);
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_for_work(lock);
    if (queue_.empty()) return;
    do {
      run_next(lock);
    } while (may_take());
  }
}

}  // namespace agent_secrets::control_plane
