#pragma once
// The state directory as one run uses it, decided before a bundle is asked for: which directory,
// and whether this run is the bot that it belongs to.
//
// Nothing here keeps a start from going on: where the directory cannot be used, the command runs
// without one. That is a warning where the user named the directory, and never more.

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/log.h"
#include "core/unique_fd.h"
#include "injector/options.h"

namespace agent_secrets {

enum class RunKind {
  bot,         // its state is in the directory, and its instance is named for the host
  beside_bot,  // another bot has the directory: this run is an instance of its own, without state
  one_shot,    // --purpose one-shot: no state, and no instance
  look,        // `env`: the same, and nothing is started
};

struct StateFolder {
  std::string path;
  bool is_named = false;  // by --state-dir or $AGENT_SECRETS_STATE_DIR
  UniqueFd fd;            // only of a bot, and only where the directory can be used
  RunKind kind = RunKind::bot;
  bool is_developers = false;  // the run is reported as a developer's (injector/run_purpose.h)
};

// --state-dir, then $AGENT_SECRETS_STATE_DIR (which the Python package in the bot reads too, and
// which `docker exec` passes on), then the default.
StateFolder choose_state_folder(const Options& options, char** environment);

// Opens and claims it, or says in the log why this run goes without. A named directory is made
// where it is missing, and so is the default one for a sidecar, which could tell nobody without it.
StateFolder enter_state_folder(const Options& options, char** environment, Clock& clock,
                               const Log& log);

// What the log says where the directory cannot be used.
void warn_of_state(const StateFolder& state, const Error& cause, const Log& log);

}  // namespace agent_secrets
