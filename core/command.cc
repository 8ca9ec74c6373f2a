#include "core/command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/lifeline.h"
#include "core/pipe.h"
#include "core/spawn.h"
#include "core/supervisor.h"

namespace agent_secrets {
namespace {

using std::chrono::milliseconds;

// The interval at which the end, the time limit and a stop are checked while the command writes
// nothing.
constexpr int kLookMs = 50;

struct Started {
  pid_t pid;  // and its process group
  std::unique_ptr<Lifeline::Connection> lifeline;
};

Result<Started> start(const CommandOptions& options, int output_fd) {
  SpawnOptions process{.program = "/bin/sh",
                       .arguments = {"sh", "-c", options.command},
                       .environment = options.environment,
                       .output_fd = output_fd,
                       .new_group = true};
  std::unique_ptr<Lifeline::Connection> connection;
  if (options.lifeline != nullptr) {
    auto connected = options.lifeline->connect();
    if (!connected) return propagate(connected, "connect a supervisor");
    connection = std::move(*connected);
    process.program = "/proc/self/exe";
    process.arguments = {"supervisor", kSupervisorWord, options.command};
    process.kept_fd = connection->supervisor_fd();
  }
  auto pid = spawn(std::move(process));
  if (!pid) {
    pid.error().hint = options.lifeline == nullptr ? "a command needs a shell in the image"
                                                   : "a deploy command needs /proc";
    return propagate(pid);
  }
  if (connection) connection->close_supervisor_fd();
  return Started{.pid = *pid, .lifeline = std::move(connection)};
}

// Waits for nothing. A process that has ended stays a zombie, so its group's number is not used
// again.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid;
}

int reap(pid_t pid, bool is_supervisor) {
  siginfo_t info{};
  (void)::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  // A supervisor that was killed alone has left its command in the group.
  if (is_supervisor && info.si_code != CLD_EXITED) ::kill(-pid, SIGKILL);
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
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

}  // namespace

Result<CommandOutcome> run_command(const CommandOptions& options, const CommandOutput& on_line,
                                   const std::stop_token& stop) {
  auto pipe = make_pipe();
  if (!pipe) return propagate(pipe);
  auto started = start(options, pipe->writer.get());
  if (!started) return propagate(started);
  const pid_t pid = started->pid;
  pipe->writer.reset();

  const SystemClock clock;
  const milliseconds limit = clock.monotonic() + options.time_limit;
  CommandOutcome outcome;
  Lines lines(on_line);
  while (!has_ended(pid)) {
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
  outcome.exit_code = reap(pid, options.lifeline != nullptr);
  return outcome;
}

std::string describe_failure(const CommandOutcome& outcome) {
  if (outcome.stopped) return "stopped";
  if (outcome.timed_out) return "timed out";
  return outcome.exit_code == 0 ? "" : fmt::format("exit code {}", outcome.exit_code);
}

}  // namespace agent_secrets
