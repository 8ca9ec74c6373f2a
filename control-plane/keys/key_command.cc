#include "control-plane/keys/key_command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/pipe.h"
#include "core/spawn.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {
namespace {

// How often it is checked whether the command has ended, while it writes nothing.
constexpr int kLookMs = 20;

std::vector<std::string> environment_of_command() {
  constexpr std::array<std::string_view, 8> kInherited{
      "PATH=", "HOME=", "USER=", "LOGNAME=", "LANG=", "TZ=", "TMPDIR=", "CREDENTIALS_DIRECTORY="};
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable(*entry);
    if (std::ranges::any_of(kInherited, [&](auto name) { return variable.starts_with(name); })) {
      environment.emplace_back(variable);
    }
  }
  return environment;
}

// The output of a process as far as it was read: into a fixed room, because growing would copy the
// key through memory that is not wiped.
class Output {
 public:
  Output(UniqueFd pipe, std::size_t room) : pipe_(std::move(pipe)), bytes_(room) {}

  // Reads what is there. Further bytes are only counted when the room is full.
  void read_available() {
    std::array<std::uint8_t, 512> surplus{};
    for (;;) {
      const bool is_full = size_ >= bytes_.size();
      const ssize_t got =
          is_full ? ::read(pipe_.get(), surplus.data(), surplus.size())
                  : ::read(pipe_.get(), bytes_.expose().data() + size_, bytes_.size() - size_);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      if (is_full) overflowed_ = true;
      if (!is_full) size_ += static_cast<std::size_t>(got);
    }
    wipe_memory(surplus.data(), surplus.size());
  }
  [[nodiscard]] int fd() const { return pipe_.get(); }
  [[nodiscard]] bool has_overflowed() const { return overflowed_; }
  [[nodiscard]] std::string_view text() const { return bytes_.expose_text().substr(0, size_); }
  SecretBuffer take() && {
    bytes_.truncate(size_);
    return std::move(bytes_);
  }

 private:
  UniqueFd pipe_;
  SecretBuffer bytes_;
  std::size_t size_ = 0;
  bool overflowed_ = false;
};

// A shell in a process group of its own. The destructor kills what is left of the group.
class Shell {
 public:
  explicit Shell(pid_t pid) : pid_(pid) {}
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() {
    ::kill(-pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  // A process that has ended stays a zombie until the destructor, so its number is not used again.
  [[nodiscard]] bool has_ended() {
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info_, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info_.si_pid == pid_;
  }
  // "" after a success.
  [[nodiscard]] std::string failure() const {
    if (info_.si_code != CLD_EXITED) return fmt::format("was ended by signal {}", info_.si_status);
    return info_.si_status == 0 ? "" : fmt::format("failed with exit code {}", info_.si_status);
  }

 private:
  pid_t pid_;
  siginfo_t info_{};
};

std::unexpected<Error> command_failed(const std::string& failure, const Output& errors) {
  std::string_view said = errors.text();
  while (said.ends_with('\n')) said.remove_suffix(1);
  return fail(ErrorCode::failed,
              fmt::format("the command {}{}{}", failure, said.empty() ? "" : ": ", said),
              "run the command in a shell as this user, with few variables: env -i PATH=\"$PATH\" "
              "/bin/sh -c COMMAND");
}

std::unexpected<Error> printed_too_much(std::size_t max_size) {
  return fail(ErrorCode::too_large,
              fmt::format("the command printed more than {} bytes", max_size));
}

// Waits until the command writes or ends, for a moment at most.
void wait_a_moment(const Output& key) {
  pollfd waited{.fd = key.fd(), .events = POLLIN, .revents = 0};
  const bool is_ready = ::poll(&waited, 1, kLookMs) > 0;
  // The command has closed its output, and still runs: the pipe stays ready.
  if (is_ready && (waited.revents & POLLIN) == 0) ::poll(nullptr, 0, kLookMs);
}

// Reads what the command prints until it has ended. Background processes may still have the pipes.
Result<void> read_until_ended(Shell& shell, Output& key, Output& said, std::size_t max_size) {
  const SystemClock clock;
  const auto end = clock.monotonic() + limits::kKeyCommandTime;
  for (bool has_ended = false; !has_ended;) {
    has_ended = shell.has_ended();  // before the pipes are read for the last time
    key.read_available();
    said.read_available();
    if (key.has_overflowed()) return printed_too_much(max_size);
    if (has_ended) break;
    if (clock.monotonic() >= end) return command_failed("timed out", said);
    wait_a_moment(key);
  }
  if (const std::string failure = shell.failure(); !failure.empty()) {
    return command_failed(failure, said);
  }
  return {};
}

}  // namespace

Result<SecretBuffer> run_key_command(const std::string& command, std::size_t max_size) {
  auto output = make_pipe();
  if (!output) return propagate(output);
  auto errors = make_pipe();
  if (!errors) return propagate(errors);
  auto pid = spawn({.program = "/bin/sh",
                    .arguments = {"sh", "-c", command},
                    .environment = environment_of_command(),
                    .output_fd = output->writer.get(),
                    .error_fd = errors->writer.get(),
                    .new_group = true});
  if (!pid) return propagate(pid);
  Shell shell(*pid);
  output->writer.reset();
  errors->writer.reset();
  Output key(std::move(output->reader), max_size + 1);  // and a newline
  Output said(std::move(errors->reader), limits::kKeyCommandError);
  if (auto read = read_until_ended(shell, key, said, max_size); !read) return propagate(read);
  SecretBuffer text = std::move(key).take();
  if (text.expose_text().ends_with('\n')) text.truncate(text.size() - 1);
  if (text.size() > max_size) return printed_too_much(max_size);
  return text;
}

}  // namespace agent_secrets::control_plane
