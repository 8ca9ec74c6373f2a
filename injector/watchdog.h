#pragma once
// The last word on --timeout. Every wait of a start has its own bound, but some calls have none: a
// credential in a pipe that nobody writes to, a disk that hangs in fsync, a stderr that nobody
// reads. When the time is over, the kernel's timer ends the process from a signal handler: a report
// that was prepared before, and exit code 125.
//
// SIGALRM, because a timer needs no thread of its own; it dies in execve, and a fork does not get
// it (timer_create(2)). Disposition and mask are put back by disarm(), the last thing before exec.
//
// One at a time, made by main(). Threads: a resolver thread of libcurl may run the handler, which
// makes async-signal-safe calls only.

#include <chrono>
#include <csignal>
#include <ctime>
#include <string_view>

namespace agent_secrets {

inline constexpr std::chrono::seconds kAnnounceAfter{2};

class Watchdog {
 public:
  Watchdog(std::chrono::milliseconds timeout, int exit_code);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // What is written to stderr from now on; it has to outlive the watchdog.
  static void will_say(const std::string_view* report);
  // What a wait is announced with, or null for a step that is not announced; the same lifetime.
  static void will_announce(const std::string_view* notice);
  // Whether the time of the announcement is over.
  static bool has_announced();
  void disarm();

 private:
  bool is_armed_ = false;
  struct sigaction action_before_{};
  sigset_t mask_before_{};
};

}  // namespace agent_secrets
