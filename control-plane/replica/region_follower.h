#pragma once
// Wakes the watches of one region when their agents change, whoever has written the change: this
// process or another one. Only the follower wakes the region's ChangeHub, also where one process
// does everything.
//
// A look is one query, whatever the number of watches: which agents have changed since the last
// look (RegionStore::changes_since). The follower looks
//  - when look_soon() is called: by the publisher of this process, and by a notice of another one
//    (database/notices.h). Many calls before a look cost one look, and looks are at least
//    limits::kLookGap apart;
//  - every limits::kLookEvery. A lost notice delays a watch by at most this time.
//
// The first look wakes all watches, because nothing is known of the changes before it. So does a
// number lower than the last one: the database has lost changes (a failover to a server that did
// not have all of them, a restored copy). If the database gets as many new changes before the next
// look, only the watches of the new changes are woken. After a failover the watches of the lost
// changes are woken when the failover is detected, which raises the number
// (replica/failover_watch.h). After a restored copy they get the state of their agent with their
// next request, after limits::kWatchWaitMax at most.
//
// Threads: run() on a thread of its own, or look() in its place; look_soon() from any. The store,
// the hub and the log must outlive the follower.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <mutex>
#include <stop_token>
#include <string>

#include "control-plane/region/region_store.h"
#include "control-plane/replica/change_hub.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class RegionFollower {
 public:
  RegionFollower(std::string region, RegionStore& store, ChangeHub& hub, const Log& log);

  // Looks until a stop is requested.
  void run(const std::stop_token& stop);
  void look_soon();
  // One look on the calling thread. A store that fails is logged once, and looked at again.
  void look();
  // Whether the last look failed. Safe from any thread.
  [[nodiscard]] bool is_failing() const { return failing_; }

 private:
  void wait(const std::stop_token& stop);
  void note_outcome(const Result<RegionChanges>& changes);

  const std::string region_;
  RegionStore& store_;
  ChangeHub& hub_;
  const Log& log_;

  // Changed only by the thread that looks. Before the first look every number is lower.
  std::int64_t seen_ = std::numeric_limits<std::int64_t>::max();
  std::atomic<bool> failing_ = false;

  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool look_soon_ = false;
};

}  // namespace agent_secrets::control_plane
