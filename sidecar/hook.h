#pragma once
// `--on-change COMMAND`: runs an operator's command when the state becomes stale, superseded,
// revoked or unbound, and when it is current again. The command runs at most once for each change,
// also across restarts of the sidecar: the change is written to hook.json in the state directory
// before the command starts. Runs never overlap; after several changes during one run, the next run
// is for the newest change.
//
// Its environment has the facts (docs/sidecar.md) and the sidecar's own variables without the
// credential's. Output goes to the log, at most kHookLinesMax lines a run.
//
// Threads: update() is for the watch thread and never blocks; stop() is for another thread. The
// command runs in this object's thread.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/command.h"
#include "core/log.h"
#include "sidecar/knowledge.h"
#include "sidecar/state_directory.h"

namespace agent_secrets::sidecar {

inline constexpr std::string_view kHookFile = "hook.json";
inline constexpr int kHookLinesMax = 64;

// Identifies a change: equal texts mean the same change.
std::string change_id(const Knowledge& knowledge);

// "AGENT_SECRETS_STATE=stale" and so on.
std::vector<std::string> hook_facts(const Knowledge& knowledge);

// The part of this process's environment that the command inherits.
std::vector<std::string> hook_inherits(char** environment);

class Hook {
 public:
  // The log and the directory must outlive it.
  Hook(std::string command, std::chrono::milliseconds time_limit,
       std::vector<std::string> inherited, StateDirectory& directory, const Log& log);
  // Call it before the first update(). An error if no thread can be made.
  Result<void> start();
  // Starts a run if this is a change without a run so far.
  void update(const Knowledge& knowledge);
  // Kills the current run; no further run starts.
  void stop();

  struct Counts {
    std::int64_t runs = 0;
    std::int64_t failures = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Run {
    std::string change;
    std::vector<std::string> environment;
  };

  [[nodiscard]] bool is_news(const Knowledge& knowledge, const std::string& change);
  [[nodiscard]] std::string last_change() const;
  void work(const std::stop_token& stop);
  void execute(const Run& run, const std::stop_token& stop);

  const std::string command_;
  const std::chrono::milliseconds time_limit_;
  const std::vector<std::string> inherited_;
  StateDirectory& directory_;
  const Log& log_;

  std::string seen_;  // watch thread: the last change passed to update(), with or without a run

  mutable std::mutex mutex_;
  std::condition_variable_any pending_changed_;
  std::optional<Run> pending_;
  Counts counts_;
  std::jthread thread_;  // the last member, because the thread uses all members above
};

}  // namespace agent_secrets::sidecar
