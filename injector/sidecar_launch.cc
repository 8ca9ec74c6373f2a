#include "injector/sidecar_launch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/shared_names.h"
#include "core/unique_fd.h"
#include "injector/environment.h"
#include "injector/exec.h"
#include "injector/sealed_memory.h"

namespace agent_secrets {
namespace {

constexpr int kCredentialFd = 3;
constexpr int kBotPidfd = 4;
constexpr int kReadyFd = 5;
constexpr int kStatusFd = 6;
constexpr int kAboveAll = 10;  // temporary numbers, before the move to 3, 4, 5 and 6
// A sidecar is ready at once, unless it must wait for the lock of an earlier sidecar.
constexpr std::chrono::seconds kReadyPatience{10};

std::unexpected<Error> system_failure(std::string_view what) {
  return fail(ErrorCode::failed, fmt::format("{}: {}", what, errno_message(errno)));
}

// Moved up, so that no dup2() onto 3 to 6 replaces a descriptor that is still needed.
Result<UniqueFd> moved_up(UniqueFd fd, std::string_view what) {
  UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kAboveAll));
  if (!high.is_open()) return system_failure(what);
  return high;
}

Result<UniqueFd> credential_descriptor(const SecretBuffer& text) {
  auto memory = seal_in_memory("watch-credential", text.expose_text());
  if (!memory) return propagate(memory);
  if (::lseek(memory->get(), 0, SEEK_SET) != 0) return system_failure("seek memfd");
  return moved_up(std::move(*memory), "dup memfd");
}

// Not open if the kernel (before 5.3) or a seccomp filter does not allow pidfds. Then the sidecar
// polls the PID of this process.
Result<UniqueFd> own_pidfd() {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));  // close-on-exec
  if (!pidfd.is_open() && (errno == ENOSYS || errno == EPERM)) return UniqueFd();
  if (!pidfd.is_open()) return system_failure("pidfd_open");
  return moved_up(std::move(pidfd), "dup pidfd");
}

Result<UniqueFd> null_device() {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!null.is_open()) return system_failure("open /dev/null");
  return moved_up(std::move(null), "dup /dev/null");
}

std::string own_directory() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0) return {};
  const std::string_view text(path.data(), static_cast<std::size_t>(size));
  return std::string(text.substr(0, text.rfind('/')));
}

// The proxies are the variables that libcurl reads, so the sidecar uses the same proxies as the
// injector (libcurl does not read HTTP_PROXY).
constexpr auto kInherited = std::to_array<std::string_view>(
    {"PATH", "HOME", "LANG", "TZ", "AGENT_SECRETS_LOG", "https_proxy", "HTTPS_PROXY", "http_proxy",
     "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"});

bool may_be_inherited(std::string_view assignment) {
  const std::string_view name = assignment.substr(0, assignment.find('='));
  if (std::ranges::find(kInherited, name) != kInherited.end()) return true;
  constexpr std::string_view kPrefix = kSidecarVariablePrefix;
  if (!name.starts_with(kPrefix)) return false;
  // The command line has these options. An image may set the variables for a sidecar without an
  // injector, and they would contradict the command line.
  const std::string_view option = name.substr(kPrefix.size());
  return !option.starts_with("CREDENTIAL_") && !option.starts_with("BOT_");
}

// Everything that the child needs, so that the child does not allocate memory.
struct Prepared {
  std::string path;
  std::vector<std::string> words;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::optional<BotUser> user;
  UniqueFd credential;
  UniqueFd pidfd;
  UniqueFd null;
  UniqueFd status_reader;
  UniqueFd status_writer;  // closed by the exec; before the exec the child writes an errno
  UniqueFd ready_reader;   // only if the start waits for the sidecar
  UniqueFd ready_writer;   // the sidecar's
};

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("pipe2");
  UniqueFd reader(ends[0]);
  auto writer = moved_up(UniqueFd(ends[1]), "dup pipe");
  if (!writer) return propagate(writer);
  return Pipe{.reader = std::move(reader), .writer = std::move(*writer)};
}

Result<Prepared> prepare(const SidecarLaunch& launch, const SecretBuffer& watch_credential,
                         char** environment) {
  Prepared prepared;
  auto path = find_sidecar(own_directory(), find_variable(environment, "PATH"));
  if (!path) return propagate(path);
  auto credential = credential_descriptor(watch_credential);
  if (!credential) return propagate(credential);
  auto pidfd = own_pidfd();
  if (!pidfd) return propagate(pidfd);
  auto null = null_device();
  if (!null) return propagate(null);
  auto status = make_pipe();
  if (!status) return propagate(status);
  auto ready = launch.wait_until_ready ? make_pipe() : Pipe();
  if (!ready) return propagate(ready);

  prepared.path = std::move(*path);
  prepared.words = sidecar_words(launch, pidfd->is_open());
  for (std::string& word : prepared.words) prepared.argv.push_back(word.data());
  prepared.argv.push_back(nullptr);
  prepared.environment = sidecar_environment(environment);
  prepared.user = launch.user;
  prepared.credential = std::move(*credential);
  prepared.pidfd = std::move(*pidfd);
  prepared.null = std::move(*null);
  prepared.status_reader = std::move(status->reader);
  prepared.status_writer = std::move(status->writer);
  prepared.ready_reader = std::move(ready->reader);
  prepared.ready_writer = std::move(ready->writer);
  return prepared;
}

// From here to the exec: async-signal-safe calls only.

[[noreturn]] void give_up(int status_fd) {
  const int error_number = errno;
  // A pipe writes it atomically. If the write fails, the parent sees the end of the pipe.
  (void)!::write(status_fd, &error_number, sizeof error_number);
  ::_exit(1);
}

void reset_signals() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  // sigaction() fails for SIGKILL, SIGSTOP and the two signals of the C library, which need no
  // reset.
  for (int number = 1; number <= SIGRTMAX; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

// If the sidecar does not get the descriptor, its number is closed.
bool place(const UniqueFd& fd, int number) {
  if (fd.is_open()) return ::dup2(fd.get(), number) >= 0;
  ::close(number);  // EBADF if it was not open
  return true;
}

[[noreturn]] void become_sidecar(const Prepared& prepared) {
  int status_fd = prepared.status_writer.get();
  if (::setsid() < 0) give_up(status_fd);
  if (!place(prepared.null, 0) || !place(prepared.null, 1) ||
      !place(prepared.credential, kCredentialFd) || !place(prepared.pidfd, kBotPidfd) ||
      !place(prepared.ready_writer, kReadyFd)) {
    give_up(status_fd);
  }
  if (::dup3(status_fd, kStatusFd, O_CLOEXEC) < 0) give_up(status_fd);
  status_fd = kStatusFd;
  close_from(kStatusFd + 1);
  reset_signals();
  if (prepared.user) {
    errno = drop_privileges(*prepared.user);
    if (errno != 0) give_up(status_fd);
  }
  ::execve(prepared.path.c_str(), prepared.argv.data(), prepared.environment.data());
  give_up(status_fd);
}

[[noreturn]] void fork_again(const Prepared& prepared) {
  const pid_t grandchild = ::fork();
  if (grandchild < 0) give_up(prepared.status_writer.get());
  if (grandchild == 0) become_sidecar(prepared);
  ::_exit(0);
}

// Removes the SIGCHLD of the first child. A blocked SIGCHLD would stay pending across the exec, for
// a command that has no child.
class ChildSignal {
 public:
  ChildSignal() { ::sigpending(&before_); }
  void discard() const {
    if (sigismember(&before_, SIGCHLD) == 1) return;  // it was pending before, for the command
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    const timespec at_once{};
    ::sigtimedwait(&child, nullptr, &at_once);  // EAGAIN if none is pending
  }

 private:
  sigset_t before_{};
};

// 0, or the errno of the step that failed in the child.
Result<int> read_status(int fd) {
  int error_number = 0;
  for (;;) {
    const ssize_t size = ::read(fd, &error_number, sizeof error_number);
    if (size == 0) return 0;
    if (size == sizeof error_number) return error_number;
    if (size >= 0 || errno != EINTR) return system_failure("hear of the sidecar");
  }
}

}  // namespace

std::vector<std::string> sidecar_words(const SidecarLaunch& launch, bool has_pidfd) {
  std::vector<std::string> words = {kSidecarProgram, kSidecarRun};
  const auto add = [&words](const char* option, std::string value) {
    words.emplace_back(option);
    words.push_back(std::move(value));
  };
  namespace option = sidecar_option;
  add(option::kCredentialFd, std::to_string(kCredentialFd));
  add(option::kBotPid, std::to_string(::getpid()));
  add(option::kSequence, std::to_string(launch.sequence));
  add(option::kInstance, launch.instance_id);
  add(option::kStateDirectory, launch.state_directory);
  if (has_pidfd) add(option::kBotPidfd, std::to_string(kBotPidfd));
  if (launch.wait_until_ready) add(option::kReadyFd, std::to_string(kReadyFd));
  if (launch.allow_plain_http) words.emplace_back(option::kAllowPlainHttp);
  return words;
}

std::vector<char*> sidecar_environment(char** environment) {
  std::vector<char*> chosen;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    if (may_be_inherited(*entry)) chosen.push_back(*entry);
  }
  chosen.push_back(nullptr);
  return chosen;
}

Result<std::string> find_sidecar(const std::string& own_directory_path, const char* search_path) {
  std::string directories = own_directory_path;
  if (search_path != nullptr) directories += ':' + std::string(search_path);
  std::string_view rest = directories;
  while (!rest.empty()) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
    // An empty or relative entry depends on the working directory, which other users may control.
    if (!directory.starts_with('/')) continue;
    std::string path = fmt::format("{}/{}", directory, kSidecarProgram);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(ErrorCode::not_found,
              fmt::format("{} is neither in {} nor in PATH", kSidecarProgram, own_directory_path),
              "install it beside secret-injector");
}

Result<void> await_readiness(int fd, std::chrono::milliseconds patience) {
  const SystemClock clock;
  const auto end = clock.monotonic() + patience;
  for (;;) {
    pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
    const auto left = std::max(end - clock.monotonic(), std::chrono::milliseconds(0));
    const int count = ::poll(&waited, 1, static_cast<int>(left.count()));
    if (count == 0) {
      return fail(ErrorCode::timed_out,
                  fmt::format("it is not ready after {} ms", patience.count()),
                  "give each instance a --state-dir of its own: the old one may hold this one");
    }
    char byte = 0;
    const ssize_t size = count < 0 ? -1 : ::read(fd, &byte, 1);
    if (size == 1) return {};
    if (size == 0) {
      return fail(ErrorCode::failed, "it ended before it was ready", "mend what it says above");
    }
    if (errno != EINTR) return system_failure("hear of the sidecar");
  }
}

Result<void> launch_sidecar(const SidecarLaunch& launch, const SecretBuffer& watch_credential,
                            char** environment) {
  auto prepared = prepare(launch, watch_credential, environment);
  if (!prepared) return propagate(prepared, "start sidecar");
  const ChildSignal child_signal;
  const pid_t child = ::fork();
  if (child < 0) {
    return fail(ErrorCode::failed, fmt::format("start sidecar: fork: {}", errno_message(errno)),
                "raise the limit of processes (the container's pids limit, ulimit -u)");
  }
  if (child == 0) fork_again(*prepared);

  prepared->status_writer.reset();  // otherwise the pipe would not end
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  child_signal.discard();
  const auto status = read_status(prepared->status_reader.get());
  if (!status) return std::unexpected(Error(status.error()).within("start sidecar"));
  if (*status != 0) {
    return fail(ErrorCode::failed,
                fmt::format("start sidecar: {}: {}", prepared->path, errno_message(*status)));
  }
  if (!launch.wait_until_ready) return {};
  prepared->ready_writer.reset();
  auto ready = await_readiness(prepared->ready_reader.get(), std::min<std::chrono::milliseconds>(
                                                                 launch.patience, kReadyPatience));
  if (!ready) return propagate(ready, "start sidecar");
  return {};
}

}  // namespace agent_secrets
