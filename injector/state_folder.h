#pragma once
// Chooses the state directory of a run, and whether the run is the bot that owns the directory.
// Both are decided before a bundle is requested.
//
// No failure here ends a start: if the directory cannot be used, the command runs without one. The
// failure is only a warning, and only if the user named the directory.

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/log.h"
#include "core/unique_fd.h"
#include "injector/options.h"

namespace agent_secrets {

enum class RunKind {
  bot,         // it owns the directory, and its instance id is the host's name
  beside_bot,  // another bot owns the directory: an instance with an id of its own, without state
  one_shot,    // --purpose one-shot: no state, and no instance
  look,        // `env`: no state, no instance, and nothing is started
};

struct StateFolder {
  std::string path;
  bool is_named = false;  // by --state-dir or $AGENT_SECRETS_STATE_DIR
  UniqueFd fd;            // only for a bot, and only if the directory can be used
  RunKind kind = RunKind::bot;
  bool is_developers = false;  // a developer's run (injector/run_purpose.h)
};

// --state-dir, then $AGENT_SECRETS_STATE_DIR (which the Python package in the bot reads too, and
// which `docker exec` passes on), then the default.
StateFolder choose_state_folder(const Options& options, char** environment);

// Opens and claims the directory, or logs why this run has none. A missing directory is made if it
// is named. The default directory is made only if a sidecar is wanted, which needs it for its
// report.
StateFolder enter_state_folder(const Options& options, char** environment, Clock& clock,
                               const Log& log);

// Logs that the directory cannot be used.
void warn_of_state(const StateFolder& state, const Error& cause, const Log& log);

}  // namespace agent_secrets
