#pragma once
// Takes one lease (catalog/leases.h), renews it, and tells the work whether this process holds it.
//
//   const auto term = keeper.term();
//   if (!term) return;               // another process does this work
//   outbox.mark_ready(version, *term);
//
// A holder trusts a renewal for a shorter time (limits::kLeaseTrust) than the database keeps the
// lease (limits::kLeaseTime), and counts from before it sent the renewal. So it gives up before
// another process can take the lease, without comparing clocks of two machines. The difference is
// the time in which it ends what it has begun, such as deploy commands.
//
// A term that has ended never comes back: the keeper takes the lease again, which makes a new term
// with a higher fence. So work that began in a lost term is refused by the databases even if the
// lease returns to the same process.
//
// With LeaseScope::data_directory the lock of the directory says that there is no other process:
// the lease is taken at once, and needs no renewal.
//
// Limits: a clock that stands still (a suspended machine or virtual machine) lets a holder trust
// its term for too long, until its next renewal is refused. Its writes are refused by their fence.
//
// Threads: start() makes the keeper's own thread, which the destructor joins; the lease is then
// released. The other methods: any thread. `leases`, the clock and the log must outlive it.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "control-plane/catalog/leases.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

enum class LeaseScope : std::uint8_t { data_directory, several_processes };

// The name of this process among the holders of leases: the host's name and a random part.
std::string random_holder();

struct LeaseOptions {
  std::string holder = random_holder();  // one name for all leases of a process
  LeaseScope scope = LeaseScope::several_processes;
  std::chrono::milliseconds time = limits::kLeaseTime;
  std::chrono::milliseconds trust = limits::kLeaseTrust;
  // Called when the end of the term changes, with the monotonic time until which the term is
  // trusted; zero when the term has ended early. Runs on the keeper's thread, under its lock.
  std::function<void(std::chrono::milliseconds trusted_until)> on_change = {};
};

class LeaseKeeper {
 public:
  LeaseKeeper(std::string work, Leases& leases, const Clock& clock, const Log& log,
              LeaseOptions options = {});
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;
  ~LeaseKeeper();

  // Tries once to take the lease, on the calling thread, and starts the thread. Call it once.
  Result<void> start();

  // Absent: this process does not hold the lease, or does not know that it still does.
  [[nodiscard]] std::optional<LeaseTerm> term() const;
  [[nodiscard]] bool holds(const LeaseTerm& term) const { return this->term() == term; }
  // A database has refused the term. The keeper looks at once whether it can take the lease again.
  void give_up(const LeaseTerm& term);

  // One attempt to take or to renew the lease, as the thread makes them. Returns the time until
  // the next one.
  std::chrono::milliseconds work_once();
  // Ends the lease if this process holds it, so that another one can take it at once.
  void release();

 private:
  struct Held {
    LeaseTerm term;
    std::chrono::milliseconds trusted_until;  // monotonic
  };
  void run(const std::stop_token& stop);
  std::chrono::milliseconds take();
  std::chrono::milliseconds renew(const LeaseTerm& term);
  [[nodiscard]] std::chrono::milliseconds trusted_from(std::chrono::milliseconds sent) const;
  bool extend(const LeaseTerm& term, std::chrono::milliseconds trusted_until);
  bool lose(const LeaseTerm& term);
  void hold(std::optional<Held> held);

  const std::string work_;
  Leases& leases_;
  const Clock& clock_;
  const Log& log_;
  const LeaseOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable_any condition_;
  std::optional<Held> held_;
  bool awake_ = false;
  std::string other_;  // the holder that the log has named; used by work_once() only
  std::jthread thread_;
};

}  // namespace agent_secrets::control_plane
