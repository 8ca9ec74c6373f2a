#pragma once
// Writes the lines of a Log without ever blocking the program. write(2) can block without a bound:
// on a pipe whose reader has stopped, on a terminal after Ctrl-S, and on a file on a disk that
// hangs. A line that cannot be written is dropped and counted; before the next line that can be
// written, a notice says how many lines are missing. A line that failed for another reason, such as
// a full disk, also counts as dropped.
//
// There are two ways to write:
//
// 1. The calling thread writes, in pieces of at most PIPE_BUF bytes, each after poll(2) has
//    reported space. This needs no thread and no descriptor: it is for the injector and for short
//    commands. A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting (pipe(7)).
//    Three cases can still block, and the injector's watchdog bounds them: another process fills
//    the shared pipe between poll and write, a terminal has space for less than a piece, and a disk
//    hangs.
// 2. After start_thread() a queue of at most limits::kLogQueue bytes takes the lines, and a thread
//    of this object writes them. Only that thread can block. This is for the programs that serve.
//    It also covers files on a disk that hangs, and a bot that writes to the same pipe as its
//    sidecar. Lines that follow each other closely are written some milliseconds later, together.
//
// What was not done: O_NONBLOCK belongs to the open file description, which the bot and the parent
// share: their writes would fail. Opening /proc/self/fd/2 for a second description is refused to a
// process that is not dumpable or has changed its user, is not possible for a socket, and gives a
// file a separate offset. RWF_NOWAIT does not exist for terminals, nor for pipes before Linux 6.4.
//
// Ownership: does not own the descriptor, which must stay open. Threads: safe from several. Call
// start_thread() after the signal mask is set, because the thread inherits the mask.

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
  // Makes the line that says that `dropped` lines are missing, with its newline.
  using Notice = std::function<std::string(std::uint64_t dropped)>;

  LogOutput(int fd, Notice notice);
  // Waits for queued lines as flush() does; a thread that is still blocked is left running.
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  // `line` ends in a newline.
  void write(std::string line);
  // From here on a thread writes. If no thread can be made, which is an error, the calling thread
  // continues to write.
  Result<void> start_thread();
  // Waits until all lines are written, at most limits::kLogFlush. For the end of a program.
  void flush() const;
  // Lines dropped since the start of the program.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object
};

}  // namespace agent_secrets
