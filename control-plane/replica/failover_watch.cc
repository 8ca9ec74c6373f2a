#include "control-plane/replica/failover_watch.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/limits.h"
#include "core/threads.h"

namespace agent_secrets::control_plane {

FailoverWatch::FailoverWatch(std::string database, Settle settle, std::function<void()> moved,
                             const Log& log)
    : database_(std::move(database)),
      settle_(std::move(settle)),
      moved_(std::move(moved)),
      log_(log) {}

Result<void> FailoverWatch::start() {
  look();
  const bool has_no_failover = seen_.empty() && !failing_;
  if (has_no_failover) return {};
  auto thread = start_thread<std::jthread>("a failover watch",
                                           [this](const std::stop_token& stop) { run(stop); });
  if (!thread) return propagate(thread);
  thread_ = std::move(*thread);
  return {};
}

void FailoverWatch::run(const std::stop_token& stop) {
  std::mutex sleeping;
  std::condition_variable_any woken;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(sleeping);
      woken.wait_for(lock, stop, limits::kLookEvery, [] { return false; });
    }
    if (!stop.stop_requested()) look();
  }
}

void FailoverWatch::look() {
  const auto found = settle_();
  note_outcome(found);
  if (!found) return;
  const std::string before = std::exchange(seen_, found->id);
  const bool has_moved = !before.empty() && before != found->id;
  if (found->was_raised) {
    log_.warning(
        "the database has failed over: sequences are raised, and all agents are published again. "
        "If its replication is asynchronous, the last changes may be lost, including revocations",
        {{"database", database_}, {"timeline", found->id}});
  } else if (has_moved) {
    log_.info("the database has failed over; another process has raised the sequences",
              {{"database", database_}, {"timeline", found->id}});
  }
  if (has_moved || found->was_raised) moved_();
}

void FailoverWatch::note_outcome(const Result<ServerTimeline>& found) {
  if (!found && !failing_) {
    log_.warning("cannot read the timeline of the database's server; trying again every second",
                 {{"database", database_}, {"cause", found.error().message}});
  }
  if (found && failing_) {
    log_.info("the timeline of the database's server can be read again", {{"database", database_}});
  }
  failing_ = !found;
}

}  // namespace agent_secrets::control_plane
