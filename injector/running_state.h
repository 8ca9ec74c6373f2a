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
#include "core/unique_fd.h"
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

// Replaces running.json in the open directory whole (0644), by a rename, after removing
// redeploy.json and sessions.json: both were written for the instance before this one. Not synced
// to disk: it outlives no container. `directory` is for messages.
Result<void> write_running_state(int folder, const std::string& directory,
                                 const RunningState& state);

// The directory itself, never a link that another user may have put in its place
// (core/directory.h).
Result<UniqueFd> open_state_directory(const std::string& directory);

// Whether this start may write there: the open directory belongs to root, to this process's user or
// to the user that the command will run as. Root leaves a directory of anybody else as it is.
// Others may be allowed to write there too, as in an emptyDir of Kubernetes: its files are no
// secrets.
Result<void> check_state_owner(int folder, const std::string& directory,
                               const std::optional<BotUser>& user = std::nullopt);

// Made (0755) where it is missing, and then given to `owner`, whom the sidecar runs as. An existing
// directory keeps its owner.
Result<void> make_state_directory(const std::string& directory,
                                  const std::optional<BotUser>& owner = std::nullopt);

}  // namespace agent_secrets
