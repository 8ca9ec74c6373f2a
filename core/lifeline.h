#pragma once
// Ends commands whose starting process cannot end them itself: it was killed, or it does not run
// (SIGSTOP, a hung disk) and something has come to its end meanwhile, such as a lease.
//
// Each command on a lifeline runs under a supervisor (core/supervisor.h), a process of its own that
// kills the command
// - at once when the starting process has ended: its end of their socket closes;
// - when the monotonic clock reaches the time that hold_until() has set.
//
// Limits: the kill reaches the process group of the command. A process that has left the group
// (setsid(1), a daemon, a container that a daemon runs) goes on, and so does what the command has
// asked of another machine.
//
// Threads: safe from several. It must outlive the commands.

#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

class Lifeline {
 public:
  // Commands that run, and those that start later, are killed at this time of SystemClock's
  // monotonic(). Before the first call there is no such time. Never blocks.
  void hold_until(std::chrono::milliseconds monotonic);

  // The connection to one supervisor, for run_command(). The supervisor gets the descriptor.
  class Connection {
   public:
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();
    [[nodiscard]] int supervisor_fd() const { return theirs_.get(); }
    // Once the supervisor has its copy.
    void close_supervisor_fd() { theirs_.reset(); }

   private:
    friend class Lifeline;
    Connection(Lifeline& lifeline, std::list<UniqueFd>::iterator ours, UniqueFd theirs)
        : lifeline_(lifeline), ours_(ours), theirs_(std::move(theirs)) {}
    Lifeline& lifeline_;
    std::list<UniqueFd>::iterator ours_;
    UniqueFd theirs_;
  };
  Result<std::unique_ptr<Connection>> connect();

 private:
  std::mutex mutex_;
  std::chrono::milliseconds until_ = std::chrono::milliseconds::max();
  std::list<UniqueFd> connections_;
};

}  // namespace agent_secrets
