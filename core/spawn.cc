#include "core/spawn.h"

#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

namespace agent_secrets {
namespace {

// Owns the attributes and file actions of posix_spawn, which must be destroyed.
class SpawnSettings {
 public:
  explicit SpawnSettings(const SpawnOptions& options) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    const int error_fd = options.error_fd >= 0 ? options.error_fd : options.output_fd;
    posix_spawn_file_actions_adddup2(&actions_, options.output_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, error_fd, STDERR_FILENO);
    int first_closed = STDERR_FILENO + 1;
    if (options.kept_fd >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, options.kept_fd, first_closed++);
    }
    // Libraries (Asio, libcurl) open sockets and set close-on-exec only afterwards, if at all.
    posix_spawn_file_actions_addclosefrom_np(&actions_, first_closed);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t reset;
    sigemptyset(&reset);
    for (const int signal_number : {SIGPIPE, SIGXFSZ, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) {
      sigaddset(&reset, signal_number);
    }
    posix_spawnattr_setsigdefault(&attributes_, &reset);
    posix_spawnattr_setpgroup(&attributes_, 0);
    const int group = options.new_group ? POSIX_SPAWN_SETPGROUP : 0;
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// The list that exec takes: pointers to the texts, and a null pointer.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<pid_t> spawn(SpawnOptions options) {
  const SpawnSettings settings(options);
  const std::vector<char*> arguments = pointers_to(options.arguments);
  const std::vector<char*> environment = pointers_to(options.environment);
  pid_t pid = 0;
  const int error_number =
      ::posix_spawn(&pid, options.program.c_str(), settings.actions(), settings.attributes(),
                    arguments.data(), environment.data());
  if (error_number == 0) return pid;
  return fail(ErrorCode::failed,
              fmt::format("start {}: {}", options.program, errno_message(error_number)));
}

}  // namespace agent_secrets
