#pragma once
// Runs an operator's shell command (a hook) while the program continues: in a separate process
// group, with stdin from /dev/null, output line by line to a callback, and a time limit. It is
// `/bin/sh -c`, so an image without a shell has no hooks.
//
// Data is passed in the command's environment, never in its text, so no quoting is needed.
//
// With a Lifeline the command also ends with this process, or at a time that this process sets and
// may not live to see (core/lifeline.h).
//
// Threads: run_command() blocks the calling thread.

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets {

class Lifeline;

struct CommandOptions {
  std::string command;
  std::vector<std::string> environment;  // "NAME=value"; the complete environment
  std::chrono::milliseconds time_limit{60'000};
  std::chrono::milliseconds grace{2'000};  // between SIGTERM and SIGKILL at the limit
  Lifeline* lifeline = nullptr;            // outlives the command; null: none
};

struct CommandOutcome {
  int exit_code = 0;  // 128+n after signal n, as in a shell
  bool timed_out = false;
  bool stopped = false;  // by the token, with SIGKILL
};

// One line of stdout or stderr, without its end, cut at kCommandLineMax bytes.
inline constexpr std::size_t kCommandLineMax = 1024;
using CommandOutput = std::function<void(std::string_view line)>;

// An error only if the command could not be started. Returns when the shell has ended, even if one
// of its background processes still has the output open.
Result<CommandOutcome> run_command(const CommandOptions& options, const CommandOutput& on_line,
                                   const std::stop_token& stop);

// "exit code 3", "timed out": for logs; "" after a success.
std::string describe_failure(const CommandOutcome& outcome);

}  // namespace agent_secrets
