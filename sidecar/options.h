#pragma once
// The command line. Each option can also be set by an environment variable: AGENT_SECRETS_SIDECAR_
// and the option's name, `--poll-wait` as AGENT_SECRETS_SIDECAR_POLL_WAIT; the command line wins.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/error.h"
#include "core/state_place.h"
#include "sidecar/process.h"
#include "sidecar/status_pages.h"
#include "sidecar/watch_answer.h"

namespace agent_secrets::help {
struct Program;
}

namespace agent_secrets::sidecar {

struct RunOptions {
  std::string credential_file;
  std::optional<int> credential_fd;
  Bot bot;
  std::optional<int> ready_fd;           // gets a byte when the sidecar watches
  std::optional<std::int64_t> sequence;  // none: taken from running.json
  std::string instance;                  // empty: the host's name
  std::string state_directory = default_state_directory();
  std::string listen;  // empty: no status server
  UnreadyWhen unready_when = UnreadyWhen::never;
  std::chrono::seconds poll_wait{50};
  std::string on_change;  // a shell command; empty: none
  std::chrono::seconds on_change_timeout{60};
  bool allow_plain_http = false;
};

struct StatusOptions {
  std::string state_directory = default_state_directory();
  bool json = false;
};

struct WaitChangeOptions {
  std::string state_directory = default_state_directory();
  std::optional<WatchState> from = {};               // none: current or unknown
  std::optional<std::chrono::seconds> timeout = {};  // none: for ever
};

// The text of --help or --version.
struct ShowText {
  std::string text;
};

using Command = std::variant<RunOptions, StatusOptions, WaitChangeOptions, ShowText>;

Result<Command> parse_options(int argc, const char* const* argv);

// What --help, the man page and the completions are made from.
help::Program manual();

}  // namespace agent_secrets::sidecar
