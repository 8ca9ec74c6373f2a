#include "injector/watchdog.h"

#include <atomic>

#include <poll.h>
#include <unistd.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

std::atomic<const std::string_view*> current_report = nullptr;
std::atomic<int> current_exit_code = 0;

// Not one that was sent by somebody: that one does what it would have done without the injector.
extern "C" void on_alarm(int signal_number, siginfo_t* info, void*) {
  if (info->si_code != SI_TIMER) ::_exit(128 + signal_number);
  const std::string_view* report = current_report.load();
  // A full pipe would make the write wait, for what may be the very fault.
  pollfd stream{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (report != nullptr && ::poll(&stream, 1, 0) == 1) {
    (void)!::write(STDERR_FILENO, report->data(), report->size());
  }
  ::_exit(current_exit_code.load());
}

}  // namespace

Watchdog::Watchdog(std::chrono::milliseconds timeout, int exit_code) {
  current_exit_code = exit_code;
  struct sigaction action{};
  action.sa_sigaction = on_alarm;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  AGENT_SECRETS_ASSERT(::sigaction(SIGALRM, &action, &action_before_) == 0);
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  AGENT_SECRETS_ASSERT(::pthread_sigmask(SIG_UNBLOCK, &alarm, &mask_before_) == 0);

  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  // Out of timers (RLIMIT_SIGPENDING) is no reason not to start: the other bounds hold.
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
  is_armed_ = true;
  itimerspec when{};
  when.it_value.tv_sec = timeout.count() / 1000;
  when.it_value.tv_nsec = timeout.count() % 1000 * 1'000'000;
  AGENT_SECRETS_ASSERT(::timer_settime(timer_, 0, &when, nullptr) == 0);
}

Watchdog::~Watchdog() { disarm(); }

void Watchdog::will_say(const std::string_view* report) { current_report = report; }

void Watchdog::disarm() {
  if (is_armed_) AGENT_SECRETS_ASSERT(::timer_delete(timer_) == 0);
  is_armed_ = false;
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  ::sigaction(SIGALRM, &action_before_, nullptr);
}

}  // namespace agent_secrets
