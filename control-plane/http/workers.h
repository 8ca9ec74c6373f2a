#pragma once
// The threads that run handlers, which block on the database.
//
// asio::thread_pool wakes a thread for each piece of work. Here at most one thread is being woken
// at a time. Until it runs, running threads take the new work, and a thread wakes another one only
// if work is left. So a busy server makes few futex calls, which are much of the cost of a short
// request.
//
// Threads: post() from any; start() and finish() from the owner. Work must not throw.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"

namespace agent_secrets::control_plane {

class Workers {
 public:
  using Work = std::move_only_function<void()>;

  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { finish(); }

  // An error if the kernel refuses a thread; finish() ends those that were made.
  Result<void> start(int threads);
  // Without threads, before start() and after finish(), the work waits.
  void post(Work work);
  // Waits until the threads have run all work, and ends them.
  void finish();

 private:
  void run();
  bool must_wake();  // under the mutex; then notify after it

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;
  int idle_ = 0;            // threads that wait
  bool is_waking_ = false;  // one of them was notified, and does not run yet
  bool is_finishing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace agent_secrets::control_plane
