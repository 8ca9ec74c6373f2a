#include "injector/watchdog.h"

#include <atomic>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

#include "core/error.h"

namespace agent_secrets {
namespace {

std::atomic<const std::string_view*> current_report = nullptr;
std::atomic<const std::string_view*> current_notice = nullptr;
std::atomic<int> current_exit_code = 0;
std::atomic<bool> is_announcement_over = false;
timer_t timer{};
itimerspec end_of_start{};

// A full pipe would block the write, and may be the cause of the timeout.
void write_if_possible(const std::string_view* text) {
  pollfd stream{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (text != nullptr && ::poll(&stream, 1, 0) == 1) {
    (void)!::write(STDERR_FILENO, text->data(), text->size());
  }
}

// A SIGALRM from another process ends this process, as it would without the injector.
extern "C" void on_alarm(int signal_number, siginfo_t* info, void*) {
  if (info->si_code != SI_TIMER) ::_exit(128 + signal_number);
  if (!is_announcement_over.exchange(true)) {
    const int error_before = errno;
    write_if_possible(current_notice.load());
    (void)::timer_settime(timer, TIMER_ABSTIME, &end_of_start, nullptr);  // cannot fail: it exists
    errno = error_before;
    return;
  }
  write_if_possible(current_report.load());
  ::_exit(current_exit_code.load());
}

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

timespec after(timespec begin, std::chrono::milliseconds duration) {
  const std::int64_t nanoseconds = begin.tv_nsec + duration.count() % 1000 * 1'000'000;
  return {.tv_sec = begin.tv_sec + duration.count() / 1000 + nanoseconds / kNanosecondsPerSecond,
          .tv_nsec = nanoseconds % kNanosecondsPerSecond};
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
  // Without a timer (RLIMIT_SIGPENDING) the start continues: each wait has a limit of its own.
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return;
  is_armed_ = true;
  timespec begin{};
  AGENT_SECRETS_ASSERT(::clock_gettime(CLOCK_MONOTONIC, &begin) == 0);
  end_of_start.it_value = after(begin, timeout);
  is_announcement_over = timeout <= kAnnounceAfter;
  itimerspec first{};
  first.it_value = is_announcement_over ? end_of_start.it_value : after(begin, kAnnounceAfter);
  AGENT_SECRETS_ASSERT(::timer_settime(timer, TIMER_ABSTIME, &first, nullptr) == 0);
}

Watchdog::~Watchdog() { disarm(); }

void Watchdog::will_say(const std::string_view* report) { current_report = report; }

void Watchdog::will_announce(const std::string_view* notice) { current_notice = notice; }

bool Watchdog::has_announced() { return is_announcement_over; }

void Watchdog::disarm() {
  if (is_armed_) AGENT_SECRETS_ASSERT(::timer_delete(timer) == 0);
  is_armed_ = false;
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  ::sigaction(SIGALRM, &action_before_, nullptr);
}

}  // namespace agent_secrets
