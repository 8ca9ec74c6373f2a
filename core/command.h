#pragma once
// Runs an operator's shell command (a hook) beside a program that goes on: a process group of its
// own, stdin from /dev/null, output line by line to whoever asked, a time limit. `/bin/sh -c`, so
// an image without a shell has no hooks.
//
// Facts reach the command in its environment, never in its text: nothing has to be quoted.
//
// Threads: run_command() blocks; call it from a thread that may.
// Source: posix_spawn(3), which is safe beside other threads, as fork(2) and code of ours is not.

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

struct CommandOptions {
  std::string command;
  std::vector<std::string> environment;  // "NAME=value", all that it gets
  std::chrono::milliseconds time_limit{60'000};
  std::chrono::milliseconds grace{2'000};  // between SIGTERM and SIGKILL at the limit
};

struct CommandOutcome {
  int exit_code = 0;  // 128+n for a death by signal n, as shells say it
  bool timed_out = false;
  bool stopped = false;  // by the token, with SIGKILL
};

// One line of stdout or stderr, without its end, cut at kCommandLineMax bytes.
inline constexpr std::size_t kCommandLineMax = 1024;
using CommandOutput = std::function<void(std::string_view line)>;

// An error only where the command could not be started at all. Returns when the shell has ended,
// even if something that it left in the background still holds its output.
Result<CommandOutcome> run_command(const CommandOptions& options, const CommandOutput& on_line,
                                   const std::stop_token& stop);

// "exit code 3", "timed out": for logs; "" when it went well.
std::string describe_failure(const CommandOutcome& outcome);

}  // namespace agent_secrets
