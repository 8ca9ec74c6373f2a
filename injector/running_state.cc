#include "injector/running_state.h"

#include <cerrno>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/directory.h"
#include "core/shared_names.h"
#include "core/write_file.h"

namespace agent_secrets {
namespace {

const char* source_name(SecretsSource source) {
  switch (source) {
    case SecretsSource::fetched:
      return "fetched";
    case SecretsSource::cache:
      return "cache";
    case SecretsSource::env_file:
      return "env-file";
  }
  AGENT_SECRETS_ASSERT(false);
}

constexpr std::string_view kNoun = "state directory";
constexpr const char* kHint =
    "give this user a writable directory there, or choose one with --state-dir";

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, path, errno_message(errno)), kHint);
}

// The flag and the count of sessions belong to the previous instance.
Result<void> drop_predecessors(int folder, const std::string& directory) {
  for (const char* name : {kFlagFile, kSessionsFile}) {
    if (::unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
      return system_failure("remove", fmt::format("{}/{}", directory, name));
    }
  }
  return {};
}

}  // namespace

std::string running_json(const RunningState& state) {
  boost::json::array sets;
  for (const SetVersion& set : state.facts.sets) {
    sets.push_back(boost::json::object{{"name", set.name}, {"version", set.version}});
  }
  const boost::json::object object{{"organization", state.facts.organization},
                                   {"agent", state.facts.agent},
                                   {"deployment", state.facts.deployment},
                                   {"sequence", state.facts.sequence},
                                   {"sets", std::move(sets)},
                                   {"region", state.facts.region},
                                   {"pid", state.pid},
                                   {"started_at", format_timestamp(state.started_at)},
                                   {"source", source_name(state.source)}};
  return boost::json::serialize(object) + '\n';
}

Result<void> write_running_state(int folder, const std::string& directory,
                                 const RunningState& state) {
  auto dropped = drop_predecessors(folder, directory);
  auto written = replace_file(folder, kRunningFile, running_json(state), {.mode = 0644});
  if (written) return dropped;
  written.error().hint = kHint;
  return propagate(written, directory);
}

Result<UniqueFd> open_state_directory(const std::string& directory) {
  auto opened = open_directory(directory, kNoun);
  if (opened) return opened;
  if (opened.error().code != ErrorCode::untrusted) opened.error().hint = kHint;
  return propagate(opened);
}

Result<void> check_state_owner(int folder, const std::string& directory,
                               const std::optional<BotUser>& user) {
  const auto other = user ? std::optional(user->user) : std::nullopt;
  auto checked = check_directory(folder, directory, Writers::anybody, other);
  if (checked) return {};
  checked.error().hint = "use a state directory of root, of this user or of the one in --user";
  return propagate(checked);
}

Result<void> make_state_directory(const std::string& directory,
                                  const std::optional<BotUser>& owner) {
  const auto made = make_directory(directory, kNoun, 0755);
  if (!made) {
    Error error = made.error();
    if (error.code != ErrorCode::untrusted) error.hint = kHint;
    return std::unexpected(std::move(error));
  }
  if (made->is_new && owner && ::fchown(made->fd.get(), owner->user, owner->group) != 0) {
    return system_failure("chown", directory);
  }
  return {};
}

}  // namespace agent_secrets
