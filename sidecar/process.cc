#include "sidecar/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace agent_secrets::sidecar {
namespace {

constexpr int kPollPidMs = 500;

std::unexpected<Error> fail_errno(std::string_view what) {
  return fail(ErrorCode::failed, fmt::format("{}: {}", what, errno_message(errno)));
}

// A blocked signal reaches the descriptor even if it is ignored (signal(7)), so an ignored signal
// is not added to the set.
Result<bool> ends_by_hangup(const Bot& bot) {
  struct sigaction before{};
  if (::sigaction(SIGHUP, nullptr, &before) != 0) return fail_errno("look at SIGHUP");
  if (before.sa_handler == SIG_IGN) return false;
  if (!bot.pid && !bot.pidfd) return true;
  if (::signal(SIGHUP, SIG_IGN) == SIG_ERR) return fail_errno("ignore SIGHUP");
  return false;
}

Result<UniqueFd> block_signals(bool with_hangup) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (with_hangup) sigaddset(&set, SIGHUP);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
    return fail(ErrorCode::failed, "block signals");
  }
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return fail_errno("signalfd");
  return fd;
}

// glibc has no wrapper before 2.36.
UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

Result<void> harden_process() {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("prctl(PR_SET_DUMPABLE)");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno("prctl(PR_SET_NO_NEW_PRIVS)");
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno("setrlimit(RLIMIT_CORE)");
  for (const int number : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) {
    if (::signal(number, SIG_IGN) == SIG_ERR) return fail_errno("ignore a signal");
  }
  return {};
}

Result<void> tell_ready(UniqueFd fd) {
  while (::write(fd.get(), "\n", 1) != 1) {
    if (errno != EINTR) return fail_errno("tell that it is ready");
  }
  return {};
}

Result<End> End::prepare(const Bot& bot) {
  End end;
  const auto with_hangup = ends_by_hangup(bot);
  if (!with_hangup) return std::unexpected(with_hangup.error());
  auto signals = block_signals(*with_hangup);
  if (!signals) return propagate(signals);
  end.signals_ = std::move(*signals);
  if (bot.pidfd) {
    if (::fcntl(*bot.pidfd, F_SETFD, FD_CLOEXEC) != 0) {
      return fail(ErrorCode::invalid,
                  fmt::format("descriptor {} is not open: {}", *bot.pidfd, errno_message(errno)));
    }
    end.bot_ = UniqueFd(*bot.pidfd);
  } else if (bot.pid) {
    end.bot_ = open_pidfd(*bot.pid);
    if (end.bot_.is_open()) return end;
    if (errno == ESRCH) {
      end.ended_ = true;
    } else {
      end.polled_pid_ = bot.pid;  // a kernel or a sandbox without pidfd_open
    }
  }
  return end;
}

Result<EndReason> End::wait() {
  for (;;) {
    const auto ended = look(polled_pid_ ? kPollPidMs : -1);
    if (!ended) return std::unexpected(ended.error());
    if (*ended) return **ended;
  }
}

Result<std::optional<EndReason>> End::wait_for(std::chrono::milliseconds most) {
  const int timeout_ms = static_cast<int>(most.count());
  return look(polled_pid_ ? std::min(timeout_ms, kPollPidMs) : timeout_ms);
}

Result<std::optional<EndReason>> End::look(int timeout_ms) {
  if (ended_) return EndReason::bot_ended;
  // poll(2) skips negative descriptors.
  pollfd fds[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                  {.fd = bot_.get(), .events = POLLIN, .revents = 0}};
  const int ready = ::poll(fds, 2, timeout_ms);
  if (ready < 0 && errno != EINTR) return fail_errno("poll");
  if (ready > 0 && fds[0].revents != 0) return EndReason::signal;
  // Any event counts as the end: POLLIN means that the process ended, POLLNVAL or POLLERR that it
  // can no longer be watched.
  ended_ = (ready > 0 && fds[1].revents != 0) || (polled_pid_ && is_gone(*polled_pid_));
  if (ended_) return EndReason::bot_ended;
  return std::nullopt;
}

}  // namespace agent_secrets::sidecar
