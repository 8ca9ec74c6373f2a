#include "injector/progress.h"

#include "core/standard_streams.h"
#include "injector/duration.h"
#include "injector/watchdog.h"

namespace agent_secrets {
namespace {

constexpr const char* kProgram = "secret-injector";

struct StepText {
  std::string_view name;
  std::string_view hint;          // for an error without a hint
  std::string_view timeout_hint;  // for a step that did not end in time
  std::string_view waiting;       // the announcement of a long wait; "" for a step without a wait
};

constexpr std::array<StepText, kStartSteps> kSteps = {{
    {"options", "see secret-injector --help", "", ""},
    {"protect", "look for a seccomp profile that forbids prctl or setrlimit", "", ""},
    {"credential", "issue the credential again, and mount the whole text here",
     "the credential's file is a pipe that nobody writes to, or on a disk that hangs",
     "waiting for the credential's file"},
    {"register key", "look at the control plane's log", "raise --timeout",
     "waiting for the control plane"},
    {"cache", "look at the cache directory, or start without --cache-dir",
     "the cache directory's disk hangs", ""},
    {"fetch bundle", "look at the control plane's log", "raise --timeout",
     "waiting for the control plane"},
    {"open bundle", "issue a new credential for this agent, and mount it here", "raise --timeout",
     ""},
    {"environment", "change the secret set, or what the image sets",
     "an env file is a pipe that nobody writes to, or on a disk that hangs",
     "waiting for an env file"},
    {"files", "look at the --file options", "the disk of a --file path hangs", ""},
    {"state", "look at the state directory", "the state directory's disk hangs", ""},
    {"start sidecar", "look at what the sidecar says above",
     "look at what the sidecar says above, or raise --timeout", "waiting for the sidecar"},
    {"exec", "check the command, and the image", "", ""},
}};

const StepText& text_of(StartStep step) { return kSteps[static_cast<std::size_t>(step)]; }

std::string report_text(const Log& log, std::string_view step, std::string_view hint, Error error,
                        int exit_code) {
  // Lower layers that know the step have said it.
  const std::string clause = std::string(step) + ": ";
  std::string cause = error.message;
  if (cause.starts_with(clause)) {
    cause.erase(0, clause.size());
  } else {
    error.message.insert(0, clause);
  }
  if (error.hint.empty()) error.hint = hint;
  if (log.format() != LogFormat::json) return describe(kProgram, error);
  return log.format_line(
      LogLevel::error, error.message,
      {{"step", step}, {"cause", cause}, {"hint", error.hint}, {"exit_code", exit_code}});
}

}  // namespace

int report_failure(const Log& log, std::string_view step, std::string_view hint, Error error,
                   int exit_code) {
  write_last_words(report_text(log, step, hint, std::move(error), exit_code));
  return exit_code;
}

void Progress::enter(StartStep step) {
  const auto now = std::chrono::steady_clock::now();
  const auto taken = std::chrono::duration_cast<std::chrono::microseconds>(now - since_);
  log_.debug(text_of(step_).name, {{"us", taken.count()}});
  step_ = step;
  since_ = now;
  patience_.reset();
  if (timeout_.count() == 0) return;
  prepare_timeout_report();
  prepare_announcement("");
}

void Progress::waits_because(const Error& cause) {
  if (timeout_.count() != 0) prepare_announcement(cause.message);
}

void Progress::cache_serves_after(std::chrono::milliseconds patience) {
  patience_ = patience;
  if (timeout_.count() != 0) prepare_announcement("");
}

int Progress::report(const Error& error, int exit_code) const {
  return report_failure(log_, text_of(step_).name, text_of(step_).hint, error, exit_code);
}

void Progress::prepare_timeout_reports(std::chrono::seconds timeout, int exit_code) {
  timeout_ = timeout;
  timeout_exit_code_ = exit_code;
  prepare_timeout_report();
}

void Progress::prepare_timeout_report() {
  const StepText& text = text_of(step_);
  const auto index = static_cast<std::size_t>(step_);
  if (reports_[index].empty()) {
    reports_[index] =
        report_text(log_, text.name, "",
                    {.code = ErrorCode::timed_out,
                     .message = "it was not done within --timeout, " + format_duration(timeout_),
                     .hint = std::string(text.timeout_hint)},
                    timeout_exit_code_);
    report_views_[index] = reports_[index];
  }
  Watchdog::will_say(&report_views_[index]);
}

void Progress::prepare_announcement(std::string_view cause) {
  if (Watchdog::has_announced() || !log_.tells(LogLevel::warning)) return;
  const std::string_view waiting = text_of(step_).waiting;
  if (waiting.empty() || (patience_ && *patience_ <= kAnnounceAfter)) {
    Watchdog::will_announce(nullptr);
    return;
  }
  const auto until = patience_ ? std::chrono::ceil<std::chrono::seconds>(*patience_) : timeout_;
  const std::string end =
      format_duration(until) +
      (patience_ ? ", then starting with the cached secrets" : " from the start");
  Announcement& next = announcements_.emplace_back();
  next.text = cause.empty() ? log_.format_line(LogLevel::warning, waiting, {{"at_most", end}})
                            : log_.format_line(LogLevel::warning, waiting,
                                               {{"at_most", end}, {"cause", cause}});
  next.view = next.text;
  Watchdog::will_announce(&next.view);
}

}  // namespace agent_secrets
