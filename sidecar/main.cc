#include <cstdio>
#include <variant>

#include <sodium.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/standard_streams.h"
#include "sidecar/options.h"
#include "sidecar/process.h"
#include "sidecar/sidecar.h"
#include "sidecar/status.h"
#include "sidecar/wait_change.h"

namespace agent_secrets::sidecar {
namespace {

constexpr int kExitEnded = 0;  // by SIGTERM or with its bot
constexpr int kExitFailed = 125;

int fail_with(const Error& error) {
  write_last_words(describe(kSidecarProgram, error));
  return kExitFailed;
}

int execute(const ShowText& show) { return std::fputs(show.text.c_str(), stdout) < 0 ? 125 : 0; }

int execute(const StatusOptions& options) {
  const StatusReport report = report_status(options, SystemClock().unix_time());
  (void)std::fputs(report.line.c_str(), stdout);
  return report.exit_code;
}

int execute(const WaitChangeOptions& options) {
  const auto report = wait_change(options, SystemClock());
  if (!report) return fail_with(report.error());
  (void)std::fputs(report->line.c_str(), stdout);
  return report->exit_code;
}

int execute(const RunOptions& options) {
  const Log log = Log::from_environment(kSidecarProgram);
  auto sidecar = Sidecar::start(options, log);
  if (!sidecar) {
    log.flush();
    return fail_with(sidecar.error());
  }
  if (options.ready_fd) {
    // Whoever waited may have given up; that is no reason to.
    if (auto told = tell_ready(UniqueFd(*options.ready_fd)); !told) {
      log.warning("nobody waits", {{"cause", told.error().message}});
    }
  }
  const auto reason = (*sidecar)->wait_for_end();
  if (reason) {
    log.info(*reason == EndReason::signal ? "ending: signal" : "ending: the bot has ended");
  } else {
    log.error("wait", {{"cause", reason.error().message}});
  }
  log.flush();
  ::_exit(reason ? kExitEnded : kExitFailed);  // its threads still use it: no destructor may run
}

int run(int argc, const char* const* argv) {
  if (auto opened = open_standard_streams(); !opened) return fail_with(opened.error());
  if (sodium_init() < 0) return fail_with({.message = "libsodium does not start"});
  if (auto hardened = harden_process(); !hardened) return fail_with(hardened.error());
  const auto command = parse_options(argc, argv);
  if (!command) return fail_with(command.error());
  return std::visit([](const auto& options) { return execute(options); }, *command);
}

}  // namespace
}  // namespace agent_secrets::sidecar

int main(int argc, char** argv) { return agent_secrets::sidecar::run(argc, argv); }
