#pragma once
// `--on-change COMMAND`: runs an operator's command when something changes that somebody would act
// on: stale, superseded, revoked, unbound, and current again after one of these. At most once a
// change, across restarts of the sidecar too: hook.json in the state directory names the change
// before its command starts. Runs never overlap; of several changes during one run, the newest gets
// the next.
//
// The facts are in its environment (docs/sidecar.md); the sidecar's own variables stay, but those
// that name its credential. Output goes to the log, kHookLinesMax lines a run.
//
// Threads: update() from the watch thread, which it never holds up; stop() from another. The
// command runs in a thread of this object's own.

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

// Which change a state of knowledge is: equal texts are one change.
std::string change_id(const Knowledge& knowledge);

// "AGENT_SECRETS_STATE=stale" and so on.
std::vector<std::string> hook_facts(const Knowledge& knowledge);

// What of a process's environment the command keeps.
std::vector<std::string> hook_inherits(char** environment);

class Hook {
 public:
  // The log and the directory must outlive it.
  Hook(std::string command, std::chrono::milliseconds time_limit,
       std::vector<std::string> inherited, StateDirectory& directory, const Log& log);
  // Before the first update(). An error where it gets no thread.
  Result<void> start();
  // Begins a run where this is a change that had none.
  void update(const Knowledge& knowledge);
  // Kills a run that is under way, and begins no other.
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

  std::string seen_;  // watch thread: the last change that was told, run or not

  mutable std::mutex mutex_;
  std::condition_variable_any pending_changed_;
  std::optional<Run> pending_;
  Counts counts_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace agent_secrets::sidecar
