#pragma once
// Group commit. A commit waits for the disk (fsync), and while it waits, other writes arrive. They
// form the next group: one of the waiting threads runs the work of the whole group and commits
// once, and the other threads sleep until then. So a group shares one fsync, and writes in groups
// of one process never conflict with each other. A thread is woken only when its work is committed,
// or when it commits the next group.
//
// Threads: run() is safe from several. The work may run on another caller's thread.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <span>
#include <utility>

#include "control-plane/database/transaction.h"
#include "control-plane/database/write_counts.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class WriteGroups {
 public:
  // One caller of run().
  struct Waiting {
    Waiting(TransactionKind of, const TransactionBody& work) : kind(of), body(work) {}

    TransactionKind kind;
    const TransactionBody& body;
    Result<void> outcome = {};
    std::exception_ptr exception = nullptr;  // rethrown to the caller of run()

   private:
    friend WriteGroups;
    std::condition_variable changed;  // the next two
    bool done = false;
    bool commits = false;  // this caller commits the next group
  };
  using Group = std::span<Waiting* const>;
  // Sets the outcome of each write of the group. Called by one thread at a time. If it throws (no
  // memory even for an error), the program ends, because otherwise the other callers would wait
  // forever.
  using Commit = std::function<void(Group)>;

  explicit WriteGroups(Commit commit) : commit_(std::move(commit)) {}

  Result<void> run(TransactionKind kind, const TransactionBody& body);
  [[nodiscard]] WriteCounts counts() const;

 private:
  void commit_next(std::unique_lock<std::mutex>& lock);
  void commit(Group group) noexcept { commit_(group); }
  void count(std::size_t size);

  const Commit commit_;
  mutable std::mutex mutex_;
  std::deque<Waiting*> queue_;  // callers whose work is in no group yet
  bool committing_ = false;
  WriteCounts counts_;  // without `waiting`
};

}  // namespace agent_secrets::control_plane
