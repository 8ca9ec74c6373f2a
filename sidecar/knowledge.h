#pragma once
// The whole state of a sidecar as one value. The watch loop makes it, and every output (the files,
// the log, the status server) shows it. SharedKnowledge passes it from the watch thread to the
// other threads.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "sidecar/watch_answer.h"

namespace agent_secrets::sidecar {

struct Knowledge {
  WatchAnswer answer;                 // state unknown until the first answer
  std::int64_t running_sequence = 0;  // of the bundle that the instance runs
  std::int64_t active_sessions = 0;   // of the bot, as last reported
  std::string instance;
  std::chrono::milliseconds since{};                    // unix time of the present state
  std::optional<std::chrono::milliseconds> last_heard;  // unix time of the last good answer
  std::string last_error;                               // or "" after a good answer
  std::int64_t reconnects = 0;
  std::int64_t errors = 0;
  std::int64_t hook_runs = 0;  // of --on-change
  std::int64_t hook_failures = 0;
  std::int64_t dropped_log_lines = 0;
};

// sidecar.json and /status (docs/sidecar.md).
std::string to_json(const Knowledge& knowledge, int pid);

// Threads: safe from several.
class SharedKnowledge {
 public:
  void set(Knowledge knowledge) {
    const std::lock_guard lock(mutex_);
    knowledge_ = std::move(knowledge);
  }
  [[nodiscard]] Knowledge get() const {
    const std::lock_guard lock(mutex_);
    return knowledge_;
  }

 private:
  mutable std::mutex mutex_;
  Knowledge knowledge_;
};

}  // namespace agent_secrets::sidecar
