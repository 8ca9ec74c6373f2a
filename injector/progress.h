#pragma once
// Where a start is, for the three who want to know: -v (each step that is done, with its time), the
// report of a failure, which names its step, and the watchdog, whose report has to be ready before.
//
// A failure is told once, as two lines of text, the second one a hint,
//
//   secret-injector: error: fetch bundle: connect 127.0.0.1:8443: connection refused
//   hint: check that the control plane runs and that this network can reach it
//
// or as one JSON object a line: level, message, step, cause, hint, exit_code.
//
// Ownership: borrows the log. Threads: one.

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/log.h"

namespace agent_secrets {

enum class StartStep {
  options,
  protect,
  credential,
  cache,
  fetch,
  open,
  environment,
  state,
  sidecar,
  command,
};
inline constexpr std::size_t kStartSteps = 10;

// Tells a failure as above; returns `exit_code`. `hint` is for an error that brings none.
int report_failure(const Log& log, std::string_view step, std::string_view hint, Error error,
                   int exit_code);

class Progress {
 public:
  explicit Progress(const Log& log) : log_(log) {}
  ~Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Ends the step before. A step may be entered again.
  void enter(StartStep step);
  // What happens within a step, with -v.
  [[nodiscard]] const Log& log() const { return log_; }

  // The failure of the current step; returns `exit_code`.
  int report(const Error& error, int exit_code) const;
  // From now on each step leaves its report with the watchdog, in case it never ends.
  void prepare_timeout_reports(std::chrono::seconds timeout, int exit_code);

 private:
  void prepare_timeout_report();

  const Log& log_;
  StartStep step_ = StartStep::options;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::chrono::seconds timeout_{0};  // 0: no watchdog
  int timeout_exit_code_ = 0;
  // One for each step: the handler may be reading the one before.
  std::array<std::string, kStartSteps> reports_;
  std::array<std::string_view, kStartSteps> report_views_;
};

}  // namespace agent_secrets
