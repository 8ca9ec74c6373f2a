#pragma once
// The current step of a start. It has three uses: -v logs each finished step with its time; the
// report of a failure names its step; and the watchdog needs two texts that are prepared in
// advance, the report of a start that ran out of time, and the announcement of a wait:
//
//   warning secret-injector: waiting for the control plane at_most="30s after the start" cause="…"
//
// The announcement is written once, kAnnounceAfter from the start, and not with -q.
//
// A failure is reported once, as two lines of text, an error and a hint:
//
//   secret-injector: error: fetch bundle: connect 127.0.0.1:8443: connection refused
//   hint: check that the control plane runs and that this network can reach it
//
// or as one JSON object in one line: level, message, step, cause, hint, exit_code.
//
// Ownership: borrows the log. Threads: one.

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/log.h"

namespace agent_secrets {

enum class StartStep {
  options,
  protect,
  credential,
  register_key,
  cache,
  fetch,
  open,
  environment,
  files,
  state,
  sidecar,
  command,
};
inline constexpr std::size_t kStartSteps = 12;

// Reports a failure as above; returns `exit_code`. `hint` is for an error without a hint.
int report_failure(const Log& log, std::string_view step, std::string_view hint, Error error,
                   int exit_code);

class Progress {
 public:
  explicit Progress(const Log& log) : log_(log) {}
  ~Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Ends the previous step. A step may be entered again.
  void enter(StartStep step);
  // The current step has failed once and is tried again: the announcement names the cause.
  void waits_because(const Error& cause);
  // The current step ends within `patience`, and the start then uses the cached secrets. A wait
  // that ends before its announcement is due is not announced.
  void cache_serves_after(std::chrono::milliseconds patience);
  // For messages within a step, with -v.
  [[nodiscard]] const Log& log() const { return log_; }

  // The failure of the current step; returns `exit_code`.
  int report(const Error& error, int exit_code) const;
  // From now on each step prepares its report for the watchdog, in case the step does not end in
  // time.
  void prepare_timeout_reports(std::chrono::seconds timeout, int exit_code);

 private:
  void prepare_timeout_report();
  void prepare_announcement(std::string_view cause);

  // A text that the watchdog's handler may read at any time, also after a newer text replaced it.
  struct Announcement {
    std::string text;
    std::string_view view;
  };

  const Log& log_;
  StartStep step_ = StartStep::options;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::chrono::seconds timeout_{0};  // 0: no watchdog
  int timeout_exit_code_ = 0;
  // One for each step: the handler may be reading the report of the previous step.
  std::array<std::string, kStartSteps> reports_;
  std::array<std::string_view, kStartSteps> report_views_;
  std::deque<Announcement> announcements_;  // a deque never moves what it holds
  std::optional<std::chrono::milliseconds> patience_;
};

}  // namespace agent_secrets
