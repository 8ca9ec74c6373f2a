#pragma once
// running.json in the state directory: what this instance was given, for the sidecar, for
// `docker exec … cat`, and for the bot. Names and versions, never a value.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/bundle.h"
#include "core/error.h"
#include "injector/bot_user.h"

namespace agent_secrets {

enum class SecretsSource { fetched, cache, env_file };

struct RunningState {
  BundleFacts facts;  // empty for SecretsSource::env_file
  SecretsSource source = SecretsSource::fetched;
  pid_t pid = 0;
  std::chrono::milliseconds started_at{};
};

// {"organization": …, "agent": …, "deployment": …, "sequence": …, "sets": [{"name", "version"}],
//  "region": …, "pid": …, "started_at": …, "source": "fetched" | "cache" | "env-file"}
std::string running_json(const RunningState& state);

// Replaces DIR/running.json whole (0644), by a rename, after removing DIR/redeploy.json and
// DIR/sessions.json: a bot that looks when it starts must not take the flag of the instance before
// it for its own, nor a sidecar its sessions. Not synced to disk: it outlives no container.
Result<void> write_running_state(const std::string& directory, const RunningState& state);

// For a directory that the user named: made (0755) where it is missing, and given to `owner`, whom
// the sidecar runs as. One that is there already stays whose it is: root does not give away what
// somebody else may have put in its place.
Result<void> make_state_directory(const std::string& directory,
                                  const std::optional<BotUser>& owner = std::nullopt);

}  // namespace agent_secrets
