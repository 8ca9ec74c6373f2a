#pragma once
// Writes that are committed together. A commit waits for the disk (fsync), and while it waits,
// other writes arrive. They form the next group: one of the waiting threads runs the work of all of
// them and commits once, and the others sleep until it has. So each group shares one fsync, and the
// works of one process never conflict with each other.
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
    TransactionKind kind;
    const TransactionBody& body;
    Result<void> outcome = {};
    std::exception_ptr exception = nullptr;  // is thrown again to the caller
    bool done = false;                       // of WriteGroups alone
  };
  using Group = std::span<Waiting* const>;
  // Gives each of the group its outcome. Called by one thread at a time. When it throws (no memory
  // even for an error), the program ends: otherwise the other callers would wait for ever.
  using Commit = std::function<void(Group)>;

  explicit WriteGroups(Commit commit) : commit_(std::move(commit)) {}

  Result<void> run(TransactionKind kind, const TransactionBody& body);
  [[nodiscard]] WriteCounts counts() const;

 private:
  void commit(Group group) noexcept { commit_(group); }
  void count(std::size_t size);

  const Commit commit_;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::deque<Waiting*> queue_;  // callers whose work no thread has taken up
  bool committing_ = false;
  WriteCounts counts_;  // without `waiting`
};

}  // namespace agent_secrets::control_plane
