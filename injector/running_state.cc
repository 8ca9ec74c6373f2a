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
#include "core/unique_fd.h"
#include "injector/file.h"

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

std::unexpected<Error> system_failure(std::string_view what, const std::string& path) {
  return fail(ErrorCode::failed, fmt::format("{} {}: {}", what, path, errno_message(errno)),
              "give this user a writable directory there, or choose one with --state-dir");
}

// The flag and the count of sessions are about the instance before this one.
Result<void> drop_predecessors(int folder, const std::string& directory) {
  for (const char* name : {"redeploy.json", "sessions.json"}) {
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

Result<void> write_running_state(const std::string& directory, const RunningState& state) {
  const UniqueFd folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return system_failure("open state directory", directory);
  const std::string path = directory + "/running.json";
  auto dropped = drop_predecessors(folder.get(), directory);
  // A name of this process: two instances that share a directory do not write into one file.
  const std::string temporary = fmt::format(".running.json.{}", ::getpid());
  ::unlinkat(folder.get(), temporary.c_str(), 0);  // of a killed start with the same PID; or none
  const UniqueFd file(::openat(folder.get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_failure("create", path);
  auto written = write_all(file.get(), running_json(state), path);
  if (written && ::fchmod(file.get(), 0644) != 0) written = system_failure("chmod", path);
  if (written && ::renameat(folder.get(), temporary.c_str(), folder.get(), "running.json") != 0) {
    written = system_failure("rename", path);
  }
  if (!written) ::unlinkat(folder.get(), temporary.c_str(), 0);
  return written ? dropped : written;
}

Result<void> make_state_directory(const std::string& directory,
                                  const std::optional<BotUser>& owner) {
  if (::mkdir(directory.c_str(), 0755) != 0) {
    if (errno == EEXIST) return {};
    return system_failure("make state directory", directory);
  }
  // By descriptor, so that it is the one that was made.
  const UniqueFd made(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made.is_open()) return system_failure("open state directory", directory);
  // The sidecar may run as another user: whatever the umask is.
  if (::fchmod(made.get(), 0755) != 0) return system_failure("chmod", directory);
  if (owner && ::fchown(made.get(), owner->user, owner->group) != 0) {
    return system_failure("chown", directory);
  }
  return {};
}

}  // namespace agent_secrets
