#include "core/supervisor.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/spawn.h"
#include "core/standard_streams.h"

namespace agent_secrets {
namespace {

// The interval at which the command's end and the time are checked.
constexpr int kLookMs = 50;
constexpr int kCannotStart = 126;  // as in a shell

// Kills the supervisor too: its starting process then sees that SIGKILL has ended it.
void kill_group() { ::kill(0, SIGKILL); }

// Reads the messages that are there. False: the starting process has ended.
bool read_times(std::chrono::milliseconds& until) {
  for (;;) {
    std::int64_t milliseconds = 0;
    const ssize_t size = ::recv(kLifelineFd, &milliseconds, sizeof milliseconds, MSG_DONTWAIT);
    if (size == sizeof milliseconds) {
      until = std::chrono::milliseconds(milliseconds);
    } else if (size >= 0 || errno != EINTR) {
      return size < 0 && errno == EAGAIN;
    }
  }
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The end of the lifeline, as far as the supervisor has heard.
class End {
 public:
  bool has_come() { return !read_times(until_) || SystemClock().monotonic() >= until_; }

 private:
  std::chrono::milliseconds until_ = std::chrono::milliseconds::max();
};

int wait_for(pid_t command, End& end) {
  int status = 0;
  while (::waitpid(command, &status, WNOHANG) == 0) {
    if (end.has_come()) kill_group();
    pollfd waited{.fd = kLifelineFd, .events = POLLIN, .revents = 0};
    ::poll(&waited, 1, kLookMs);
  }
  return exit_code_of(status);
}

int supervise(std::string command, char** environment) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) (void)std::signal(number, SIG_IGN);
  SpawnOptions shell{.program = "/bin/sh",
                     .arguments = {"sh", "-c", std::move(command)},
                     .environment = {},
                     .output_fd = STDOUT_FILENO};
  for (char** entry = environment; *entry != nullptr; ++entry) {
    shell.environment.emplace_back(*entry);
  }
  End end;
  if (end.has_come()) kill_group();  // before the command has begun
  const auto spawned = spawn(std::move(shell));
  if (spawned) return wait_for(*spawned, end);
  write_last_words(describe("supervisor", spawned.error()));
  return kCannotStart;
}

}  // namespace

std::optional<int> run_as_supervisor(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != kSupervisorWord) return std::nullopt;
  return supervise(argv[2], environ);
}

}  // namespace agent_secrets
