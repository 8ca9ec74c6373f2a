#pragma once
// Tells the owner of a thread pool that a thread of the pool waits: for a disk, a network, or
// another thread. The pool may then run another thread instead (control-plane/http/workers.h). Code
// that waits makes a Blocking, and need not know whether its thread belongs to a pool.
//
// Threads: each uses only its own observer.

namespace agent_secrets {

class BlockingObserver {
 public:
  virtual ~BlockingObserver() = default;
  // Called on the thread that waits. Neither may throw or block.
  virtual void blocking_begins() = 0;
  virtual void blocking_ends() = 0;
};

class Blocking {
 public:
  // One inside another has no effect.
  Blocking() : observer_(observer) {
    observer = nullptr;
    if (observer_ != nullptr) observer_->blocking_begins();
  }
  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;
  ~Blocking() {
    if (observer_ != nullptr) observer_->blocking_ends();
    observer = observer_;
  }

  // For a thread of a pool, at its beginning. The observer outlives the thread.
  static void report_to(BlockingObserver& to) { observer = &to; }
  // Whether this thread is one of the pool `to`, and not inside a Blocking.
  static bool reports_to(const BlockingObserver& to) { return observer == &to; }

 private:
  static inline thread_local BlockingObserver* observer = nullptr;
  BlockingObserver* observer_;
};

}  // namespace agent_secrets
