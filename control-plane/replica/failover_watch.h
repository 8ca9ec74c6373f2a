#pragma once
// Notices that a database has moved to another server (database/timeline.h): looks once a second,
// on a thread of its own. It does not look at new connections alone, because a pooler keeps the
// connections of its clients over a failover.
//
// Every process looks, and one of them raises the numbers of the database. Each of them then calls
// `moved`, once for each failover: for what it keeps in memory about the database. The first look
// calls it only if this process has raised the numbers.
//
// A look that fails is logged once, and tried again. It stops nothing: a server that does not say
// its timeline serves as before, and lost commits are not noticed.
//
// On SQLite the first look finds no timeline, and there is no thread.
//
// Threads: start() makes the thread, which the destructor joins. `moved` runs on it, and must be
// quick. The log and what both functions use must outlive the watch.

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

  // The first look, on the calling thread, and the thread.
  Result<void> start();
  // One look on the calling thread.
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
  std::jthread thread_;  // last: it uses the others
};

}  // namespace agent_secrets::control_plane
