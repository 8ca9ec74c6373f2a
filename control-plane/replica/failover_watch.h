#pragma once
// Detects failovers of a database (database/timeline.h). A look reads the timeline of the
// database's server. The watch looks once a second, on its own thread. Looking only at new
// connections would not suffice, because a pooler keeps its clients' connections during a failover.
//
// Every process looks, and one process raises the numbers of the database. Each process then calls
// `moved` once for each failover, to update what it keeps in memory about the database. The first
// look calls `moved` only if this process has raised the numbers.
//
// A look that fails is logged once, and the next look tries again. While the timeline cannot be
// read, the process serves as usual, and lost commits are not detected.
//
// SQLite has no timeline: after the first look no thread is started.
//
// Threads: start() makes the thread, which the destructor joins. `moved` runs on the thread that
// looks, and must be quick. The log, and what both functions use, must outlive the watch.

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "control-plane/database/timeline.h"
#include "core/error.h"
#include "core/log.h"

namespace agent_secrets::control_plane {

class FailoverWatch {
 public:
  using Settle = std::function<Result<ServerTimeline>()>;

  // `database` is for the log: "catalog", "region us-west".
  FailoverWatch(std::string database, Settle settle, std::function<void()> moved, const Log& log);

  // Looks once on the calling thread, and then starts the thread.
  Result<void> start();
  // Looks once on the calling thread.
  void look();

 private:
  void run(const std::stop_token& stop);
  void note_outcome(const Result<ServerTimeline>& found);

  const std::string database_;
  const Settle settle_;
  const std::function<void()> moved_;
  const Log& log_;

  // Used only by the thread that looks.
  std::string seen_;  // the timeline; empty before the first look that succeeds
  bool failing_ = false;
  std::jthread thread_;  // last, so that it is joined before the others are destroyed
};

}  // namespace agent_secrets::control_plane
