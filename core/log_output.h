#pragma once
// Where the lines of a Log go, without ever holding up the program. A pipe whose reader has stopped
// reading, a terminal after Ctrl-S, and a file on a disk that hangs make write(2) wait without a
// bound. A line that cannot be written is dropped and counted; the next line that can be written is
// preceded by a notice of how many are missing. A line that failed for another reason, such as a
// full disk, counts as dropped too.
//
// There are two ways to write:
//
// 1. The calling thread writes, in pieces of at most PIPE_BUF bytes, each after poll(2) has found
//    room. This needs no thread and no descriptor: it is for the injector and for short commands.
//    A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting (pipe(7)). Three cases
//    can still wait, and the injector's watchdog bounds them: another process fills the shared pipe
//    between poll and write, a terminal has room for less than a piece, and a disk hangs.
// 2. After start_thread() a queue of at most limits::kLogQueue bytes takes the lines, and a thread
//    of this object writes them. Only that thread can be held up. This is for the programs that
//    serve: it covers files on a disk that hangs, and the bot beside a sidecar, which writes to the
//    same pipe.
//
// What was not done: O_NONBLOCK belongs to the open file description, which the bot and the parent
// share: their writes would fail. A second description, by opening /proc/self/fd/2, is refused to a
// process that is not dumpable or has changed its user, cannot be had of a socket, and writes to a
// file at an offset of its own. RWF_NOWAIT is not there for terminals, nor for pipes before Linux
// 6.4.
//
// Ownership: does not own the descriptor, which must stay open. Threads: safe from several. Call
// start_thread() when the signal mask is the final one, because the thread inherits it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/error.h"

namespace agent_secrets {

class LogOutput {
 public:
  // The line that says that `dropped` lines are missing, with its newline.
  using Notice = std::function<std::string(std::uint64_t dropped)>;

  LogOutput(int fd, Notice notice);
  // Waits for queued lines as flush() does, and leaves a thread that is held up behind.
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  // `line` ends in a newline.
  void write(std::string line);
  // From here on a thread writes. Without one, which is an error, the first way goes on.
  Result<void> start_thread();
  // Until all lines are written, limits::kLogFlush at most. For the end of a program.
  void flush() const;
  // Of all time.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
};

}  // namespace agent_secrets
