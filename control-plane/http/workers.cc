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

void ring(std::condition_variable* bell) {
  if (bell != nullptr) bell->notify_one();
}

}  // namespace

Workers::Workers(int processors)
    : at_once_(processors > 0 ? processors : processors_of_machine()) {}

Result<void> Workers::start(int threads) {
  while (std::ssize(threads_) < threads) {
    auto& bell = *bells_.emplace_back(std::make_unique<std::condition_variable>());
    auto thread = start_thread<std::thread>("requests", [this, &bell] {
      grow_heap_of_thread();
      run(bell);
    });
    if (!thread) return propagate(thread);
    threads_.push_back(std::move(*thread));
  }
  return {};
}

void Workers::post(Work work) {
  std::condition_variable* bell = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
    const bool takes_it_next =
        Blocking::reports_to(*this) && running_ - blocked_ == 1 && queue_.size() == 1;
    if (!takes_it_next) bell = next_to_wake();
  }
  ring(bell);
}

void Workers::finish() {
  {
    const std::scoped_lock lock(mutex_);
    is_finishing_ = true;
  }
  for (const auto& bell : bells_) bell->notify_one();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::blocking_begins() {
  std::condition_variable* bell = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    ++blocked_;
    bell = next_to_wake();
  }
  ring(bell);
}

void Workers::blocking_ends() {
  const std::scoped_lock lock(mutex_);
  --blocked_;
}

bool Workers::may_take() const { return !queue_.empty() && !is_busy(); }

// An idle thread is also woken to watch the work that no thread may take yet.
std::condition_variable* Workers::next_to_wake() {
  if (queue_.empty() || idle_.empty() || is_waking_) return nullptr;
  if (!may_take() && is_watched_) return nullptr;
  is_waking_ = true;
  return idle_.back();
}

// Until there is work that this thread takes, or the end.
void Workers::wait_for_work(std::unique_lock<std::mutex>& lock, std::condition_variable& bell) {
  idle_.push_back(&bell);
  bool is_patient = true;
  while (!is_finishing_ && !may_take() && (is_patient || queue_.empty())) {
    is_patient = true;
    if (queue_.empty() || is_watched_) {
      bell.wait(lock);
    } else {
      is_watched_ = true;
      is_patient = bell.wait_for(lock, kPatience) == std::cv_status::no_timeout;
      is_watched_ = false;
    }
    // Also after a timeout, because it may have come together with the wake. If another thread is
    // still being woken, one wake too many does no harm.
    is_waking_ = false;
  }
  std::erase(idle_, &bell);
}

void Workers::run_next(std::unique_lock<std::mutex>& lock) {
  ++running_;
  Work work = std::move(queue_.front());
  queue_.pop_front();
  std::condition_variable* const bell = next_to_wake();
  lock.unlock();
  ring(bell);
  work();
  work = nullptr;  // what it owns is destroyed without the lock
  lock.lock();
  --running_;
}

void Workers::run(std::condition_variable& bell) {
  Blocking::report_to(*this);
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_for_work(lock, bell);
    if (queue_.empty()) return;
    do {
      run_next(lock);
    } while (may_take());
  }
}

}  // namespace agent_secrets::control_plane
