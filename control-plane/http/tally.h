#pragma once
// A number that one thread changes and any thread reads. A change is an ordinary load and store,
// without a lock and without a locked instruction.
//
// Threads: changes from one thread at a time; value() from any.

#include <atomic>
#include <cstdint>

namespace agent_secrets::control_plane {

class Tally {
 public:
  void add(std::uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void take(std::uint64_t amount) { add(~amount + 1); }
  Tally& operator++() {
    add(1);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

// Counts one more while it exists.
class Tallied {
 public:
  explicit Tallied(Tally& tally) : tally_(tally) { ++tally_; }
  Tallied(const Tallied&) = delete;
  Tallied& operator=(const Tallied&) = delete;
  ~Tallied() { tally_.take(1); }

 private:
  Tally& tally_;
};

}  // namespace agent_secrets::control_plane
