#pragma once
// The threads that run handlers, which block on the database.
//
// There are more threads than processors, because most of them may wait for a disk or a network.
// But to run more threads than processors only costs: each wake of a thread is a system call, an
// interrupt of another processor and a change of context, which together are much of the cost of a
// short request. So at most one running thread for each processor takes new work, besides those
// that have said that they wait (core/blocking.h). If a thread waits without saying so, or computes
// for long, the work behind it waits for kPatience at most: then one more thread takes work.
//
// At most one thread is being woken at a time. Until it runs, running threads take the new work,
// and a thread wakes another one only if work is left. The thread that has waited for the shortest
// time is woken: its stack and its heap are still in the processor's caches, and as few threads as
// possible share the heaps (core/heap.h).
//
// If the only running thread posts work to an empty queue, no thread is woken. The posting thread
// runs the new work next, and kPatience does not count. If it enters a Blocking first, it wakes
// another thread. So work may wait for work that it has posted only inside a Blocking: otherwise it
// may wait forever.
//
// Threads: post() from any; start() and finish() from the owner. Work must not throw.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/blocking.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Workers : private BlockingObserver {
 public:
  using Work = std::move_only_function<void()>;
  static constexpr std::chrono::milliseconds kPatience{2};

  // `processors`: how many threads run at once without waiting; 0: those of the machine.
  explicit Workers(int processors = 0);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() override { finish(); }

  // An error if the kernel refuses a thread; finish() ends those that were made.
  Result<void> start(int threads);
  // Without threads, before start() and after finish(), the work waits.
  void post(Work work);
  // Waits until the threads have run all work, and ends them.
  void finish();

 private:
  void blocking_begins() override;
  void blocking_ends() override;
  void run(std::condition_variable& bell);
  void wait_for_work(std::unique_lock<std::mutex>& lock, std::condition_variable& bell);
  void run_next(std::unique_lock<std::mutex>& lock);
  // These are called under the mutex.
  [[nodiscard]] bool is_busy() const { return running_ - blocked_ >= at_once_; }
  [[nodiscard]] bool may_take() const;
  // The bell to ring after the mutex is released, or null.
  [[nodiscard]] std::condition_variable* next_to_wake();

  const int at_once_;
  std::mutex mutex_;
  std::deque<Work> queue_;
  std::vector<std::unique_ptr<std::condition_variable>> bells_;  // one for each thread
  std::vector<std::condition_variable*> idle_;  // of threads that wait for work, the longest first
  int running_ = 0;                             // threads that run work
  int blocked_ = 0;                             // of those, threads that wait for something else
  bool is_waking_ = false;                      // an idle thread was notified, and does not run yet
  bool is_watched_ = false;  // an idle thread takes the next work after kPatience
  bool is_finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace agent_secrets::control_plane
