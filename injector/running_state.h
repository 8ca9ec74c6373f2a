#pragma once
// running.json in the state directory: the names and versions of what this instance received, never
// a value. The sidecar and the bot read it, and people with `docker exec … cat`.

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

// Removes redeploy.json and sessions.json, which were written for the previous instance, then
// replaces running.json (0644) in the open directory by a rename. It is not synced to disk, because
// it need not survive the container. `directory` is for messages.
Result<void> write_running_state(int folder, const std::string& directory,
                                 const RunningState& state);

// Opens the directory. Refuses a link that another user may have put in its place
// (core/directory.h).
Result<UniqueFd> open_state_directory(const std::string& directory);

// Whether this start may write there: the open directory must belong to root, to this process's
// user or to the command's user. So root does not write into a directory of another user. Other
// users may be allowed to write there, as in an emptyDir of Kubernetes: its files are not secret.
Result<void> check_state_owner(int folder, const std::string& directory,
                               const std::optional<BotUser>& user = std::nullopt);

// Makes a missing directory (0755) and gives it to `owner`, the user of the sidecar. An existing
// directory keeps its owner.
Result<void> make_state_directory(const std::string& directory,
                                  const std::optional<BotUser>& owner = std::nullopt);

}  // namespace agent_secrets
