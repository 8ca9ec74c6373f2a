#include "core/command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/unique_fd.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

// The interval at which the end, the time limit and a stop are checked while the command writes
// nothing.
constexpr int kLookMs = 50;

// Owns the attributes and file actions of posix_spawn, which must be destroyed.
class SpawnSettings {
 public:
  explicit SpawnSettings(int output_fd) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output_fd, STDERR_FILENO);
    // Libraries (Asio, libcurl) open sockets and set close-on-exec only afterwards, if at all.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
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
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
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

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::failed, fmt::format("pipe2: {}", errno_message(errno)));
  }
  Pipe pipe{.reader = UniqueFd(ends[0]), .writer = UniqueFd(ends[1])};
  if (::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail(ErrorCode::failed, fmt::format("fcntl: {}", errno_message(errno)));
  }
  return pipe;
}

Result<pid_t> spawn(const CommandOptions& options, int output_fd) {
  const SpawnSettings settings(output_fd);
  std::string command = options.command;
  std::array<char, 3> shell{"sh"};
  std::array<char, 3> flag{"-c"};
  std::array<char*, 4> argv{shell.data(), flag.data(), command.data(), nullptr};
  std::vector<std::string> texts = options.environment;
  std::vector<char*> environment;
  environment.reserve(texts.size() + 1);
  for (std::string& text : texts) environment.push_back(text.data());
  environment.push_back(nullptr);
  pid_t pid = 0;
  const int error_number = ::posix_spawn(&pid, "/bin/sh", settings.actions(), settings.attributes(),
                                         argv.data(), environment.data());
  if (error_number != 0) {
    return fail(ErrorCode::failed, fmt::format("start /bin/sh: {}", errno_message(error_number)),
                "a command needs a shell in the image");
  }
  return pid;
}

// Splits bytes into lines; keeps an incomplete line until its end arrives.
class Lines {
 public:
  explicit Lines(const CommandOutput& on_line) : on_line_(on_line) {}
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        finish();
      } else if (line_.size() < kCommandLineMax) {
        line_ += c;
      }
    }
  }
  void finish() {
    if (!line_.empty()) on_line_(line_);
    line_.clear();
  }

 private:
  const CommandOutput& on_line_;
  std::string line_;
};

// Reads the available bytes; false at the end of the pipe.
bool read_available(int fd, Lines& lines) {
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t count = ::read(fd, chunk.data(), chunk.size());
    if (count > 0) {
      lines.add({chunk.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || errno != EINTR) {
      return count < 0 && errno == EAGAIN;
    }
  }
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Result<CommandOutcome> run_command(const CommandOptions& options, const CommandOutput& on_line,
                                   const std::stop_token& stop) {
  auto pipe = make_pipe();
  if (!pipe) return propagate(pipe);
  const auto spawned = spawn(options, pipe->writer.get());
  if (!spawned) return std::unexpected(spawned.error());
  const pid_t pid = *spawned;
  pipe->writer.reset();

  const SystemClock clock;
  const milliseconds limit = clock.monotonic() + options.time_limit;
  CommandOutcome outcome;
  Lines lines(on_line);
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    const milliseconds now = clock.monotonic();
    if (stop.stop_requested()) {
      outcome.stopped = true;
      ::kill(-pid, SIGKILL);
    } else if (now >= limit + options.grace) {
      ::kill(-pid, SIGKILL);
    } else if (now >= limit && !std::exchange(outcome.timed_out, true)) {
      ::kill(-pid, SIGTERM);
    }
    pollfd waited{.fd = pipe->reader.get(), .events = POLLIN, .revents = 0};
    ::poll(&waited, 1, kLookMs);
    // The command closed its output but still runs: wait for its end only.
    if (waited.fd >= 0 && waited.revents != 0 && !read_available(waited.fd, lines)) {
      pipe->reader.reset();
    }
  }
  if (pipe->reader.is_open()) read_available(pipe->reader.get(), lines);
  lines.finish();
  outcome.exit_code = exit_code_of(status);
  return outcome;
}

std::string describe_failure(const CommandOutcome& outcome) {
  if (outcome.stopped) return "stopped";
  if (outcome.timed_out) return "timed out";
  return outcome.exit_code == 0 ? "" : fmt::format("exit code {}", outcome.exit_code);
}

}  // namespace agent_secrets
