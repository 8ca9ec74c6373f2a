#pragma once
// Writes the log lines of a sidecar: one line for each change that may need an action of the
// operator.
//
//   warning secret-sidecar: REDEPLOY NEEDED bot-secrets v2→v3 changed: GREETING agent=bot …
//
// Threads: the watch thread.

#include <cstdint>
#include <string>

#include "core/log.h"
#include "sidecar/knowledge.h"

namespace agent_secrets::sidecar {

class Announcer {
 public:
  explicit Announcer(const Log& log) : log_(log) {}
  void update(const Knowledge& knowledge);

 private:
  void announce_state(const Knowledge& knowledge);
  void announce_errors(const Knowledge& knowledge);

  const Log& log_;
  std::int64_t sequence_ = 0;
  WatchState state_ = WatchState::unknown;
  std::string changes_;
  std::string last_error_;
};

}  // namespace agent_secrets::sidecar
