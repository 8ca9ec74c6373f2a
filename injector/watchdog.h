#pragma once
// Enforces --timeout. Every wait of a start has a limit of its own, but some calls have none:
// reading a credential from a pipe without a writer, fsync on a disk that hangs, writing to a
// stderr that is not read. When the time is over, a timer of the kernel raises SIGALRM. The handler
// writes a report that was prepared before, and ends the process with exit code 125.
//
// A timer with SIGALRM needs no thread. execve removes it, and a fork does not inherit it
// (timer_create(2)). disarm() restores disposition and mask; call it immediately before the exec.
//
// There is at most one, made by main(). Threads: a resolver thread of libcurl may run the handler,
// which makes only async-signal-safe calls.

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

  // The text that a timeout writes to stderr from now on. It must outlive the watchdog.
  static void will_say(const std::string_view* report);
  // The text that announces a wait; null for a step without an announcement. It must outlive the
  // watchdog.
  static void will_announce(const std::string_view* notice);
  // Whether the time of the announcement has passed.
  static bool has_announced();
  void disarm();

 private:
  bool is_armed_ = false;
  struct sigaction action_before_{};
  sigset_t mask_before_{};
};

}  // namespace agent_secrets
