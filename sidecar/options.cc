#include "sidecar/options.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/help/command_line.h"
#include "core/limits.h"
#include "core/shared_names.h"
#include "sidecar/help_notes.h"

namespace agent_secrets::sidecar {
namespace {

std::string environment_name(std::string_view option) {
  std::string name = kSidecarVariablePrefix;
  for (const char c : option.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& option, Value& value, std::string help) {
  return app.add_option(option, value, std::move(help))->envname(environment_name(option));
}

void add_state_directory(CLI::App& app, std::string& directory, std::string text) {
  add(app, sidecar_option::kStateDirectory, directory, std::move(text))
      ->type_name("DIR")
      ->default_str(fmt::format("{}, or $XDG_RUNTIME_DIR/agent-secrets for a user who may not "
                                "write there",
                                kSystemStateDirectory));
}

const std::map<std::string, UnreadyWhen> kUnreadyWhen = {{"never", UnreadyWhen::never},
                                                         {"superseded", UnreadyWhen::superseded},
                                                         {"stale", UnreadyWhen::stale}};

// What CLI11 fills in as plain numbers.
struct Seconds {
  int poll_wait = 50;
  int on_change_timeout = 60;
  int wait_timeout = 0;  // 0: for ever
};

constexpr const char* kCredential = "The watch credential";
constexpr const char* kBot = "The bot, and what it runs";
constexpr const char* kReports = "Who learns of a change";
constexpr const char* kControlPlane = "The control plane";

void add_run(CLI::App& run, RunOptions& options, Seconds& seconds) {
  add(run, "--credential-file", options.credential_file,
      "read the watch credential from this file; secret-injector watch-credential makes it")
      ->type_name("FILE")
      ->group(kCredential);
  add(run, sidecar_option::kCredentialFd, options.credential_fd,
      "read the watch credential from this inherited descriptor, and close it")
      ->type_name("N")
      ->group(kCredential);
  add(run, sidecar_option::kBotPid, options.bot.pid, "end when this process ends")
      ->type_name("PID")
      ->group(kBot);
  add(run, sidecar_option::kBotPidfd, options.bot.pidfd, "end when the process of this pidfd ends")
      ->type_name("N")
      ->group(kBot);
  add(run, sidecar_option::kSequence, options.sequence,
      "the sequence that the bot runs; without it, the sequence in running.json")
      ->type_name("N")
      ->group(kBot);
  add(run, sidecar_option::kInstance, options.instance,
      "the name of this instance in the control plane's fleet view; without it, the host's name")
      ->type_name("NAME")
      ->group(kBot);
  add_state_directory(run, options.state_directory,
                      "the directory of running.json, in which redeploy.json is written");
  add(run, "--listen", options.listen, "serve /status, /readyz, /livez and /metrics on this port")
      ->type_name("127.0.0.1:PORT")
      ->group(kReports);
  add(run, "--unready-when", options.unready_when,
      "answer 503 to /readyz in this state; stale includes superseded")
      ->transform(CLI::CheckedTransformer(kUnreadyWhen).description(""))
      ->type_name("never|stale|superseded")
      ->default_str("never")
      ->group(kReports);
  add(run, "--on-change", options.on_change,
      "run this shell command when the state changes; facts are in AGENT_SECRETS_ variables")
      ->type_name("COMMAND")
      ->group(kReports);
  help::between(add(run, "--on-change-timeout", seconds.on_change_timeout,
                    "end the command of --on-change after so many seconds"),
                1, 3600, "SECONDS")
      ->capture_default_str()
      ->group(kReports);
  run.add_option(sidecar_option::kReadyFd, options.ready_fd,
                 "write a byte to this descriptor, and close it, when the sidecar watches")
      ->type_name("N")
      ->group(kReports);
  help::between(add(run, "--poll-wait", seconds.poll_wait,
                    "let each request wait so many seconds for a change"),
                1, static_cast<int>(limits::kWatchWaitMax.count()), "SECONDS")
      ->capture_default_str()
      ->group(kControlPlane);
  run.add_flag(sidecar_option::kAllowPlainHttp, options.allow_plain_http,
               "talk http:// to hosts that are not loopback (docs/injector.md, Without TLS)")
      ->envname(environment_name(sidecar_option::kAllowPlainHttp))
      ->group(kControlPlane);
}

void forget_variables(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) option->envname("");
}

// CLI11 2.4 skips a variable whose value its option refuses: the option keeps its default, without
// a message. Given to the option as if it had been on the command line, the value is an error.
void refuse_skipped_variables(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->count() > 0 || option->get_envname().empty()) continue;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before there is another thread
    const char* const value = std::getenv(option->get_envname().c_str());
    if (value == nullptr || *value == '\0') continue;
    option->add_result(value);
    option->run_callback();
  }
}

void add_status(CLI::App& status, StatusOptions& options) {
  add_state_directory(status, options.state_directory, "the state directory of the sidecar");
  status.add_flag("--json", options.json, "print all that the sidecar knows, as JSON");
}

std::map<std::string, WatchState> state_names() {
  std::map<std::string, WatchState> names;
  for (const WatchState state : kWatchStates) names.emplace(to_string(state), state);
  return names;
}

// In the order of the states, which a map does not keep.
std::string joined_state_names() {
  std::string names;
  for (const WatchState state : kWatchStates) {
    names += fmt::format("{}{}", names.empty() ? "" : "|", to_string(state));
  }
  return names;
}

void add_wait_change(CLI::App& wait, WaitChangeOptions& options, Seconds& seconds) {
  add_state_directory(wait, options.state_directory, "the state directory of the sidecar");
  wait.add_option("--from", options.from,
                  "wait while this is the state; without it, while it is current or unknown")
      ->transform(CLI::CheckedTransformer(state_names()).description(""))
      ->type_name(joined_state_names());
  help::between(wait.add_option("--timeout", seconds.wait_timeout,
                                "give up after so many seconds; without it, never"),
                1, 31'536'000, "SECONDS");
}

Result<RunOptions> check(RunOptions options) {
  if (options.credential_file.empty() != options.credential_fd.has_value()) {
    return fail(ErrorCode::invalid,
                "exactly one of --credential-file and --credential-fd is needed",
                "give the file that `secret-injector watch-credential` wrote");
  }
  const bool plain = std::ranges::all_of(options.instance, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
  if (!plain || options.instance.size() > limits::kInstanceIdMax) {
    return fail(ErrorCode::invalid, "--instance: only 1 to 64 of [A-Za-z0-9_.-]");
  }
  return options;
}

// The command line, with all that it fills in.
struct SidecarLine {
  SidecarLine()
      : line({.name = kSidecarProgram,
              .summary = "watch the versions of an agent's secret sets, and flag that a redeploy "
                         "is needed",
              .version = AGENT_SECRETS_VERSION,
              .man_section = 1,
              .related = {"secret-injector(1)", "secret-control-plane(8)"}}),
        run(line.app().add_subcommand(kSidecarRun, "Watch until the bot ends or SIGTERM comes")),
        status(line.app().add_subcommand("status", "Print the state that the sidecar knows")),
        wait(line.app().add_subcommand(
            "wait-change", "Wait until a redeploy is needed, or until the state is another one")) {
    add_run(*run, run_options, seconds);
    add_status(*status, status_options);
    add_wait_change(*wait, wait_options, seconds);
    line.explain(&line.app(), notes_of_program());
    line.explain(run, notes_of_run());
    line.explain(status, notes_of_status());
    line.explain(wait, notes_of_wait_change());
  }

  help::CommandLine line;
  CLI::App* run;
  CLI::App* status;
  CLI::App* wait;
  RunOptions run_options;
  StatusOptions status_options;
  WaitChangeOptions wait_options;
  Seconds seconds;
};

}  // namespace

Result<Command> parse_options(int argc, const char* const* argv) {
  SidecarLine all;
  // CLI11 reads the variables of a subcommand that was not given too, and a bad one ends it.
  // The text of `help` names them.
  const std::string_view first = argc < 2 ? "" : argv[1];
  if (first != kSidecarRun && first != "help") forget_variables(*all.run);
  auto text = all.line.parse(argc, argv, [&all] {
    if (all.run->parsed()) refuse_skipped_variables(*all.run);
  });
  if (!text) return propagate(text);
  if (*text) return ShowText{std::move(**text)};
  if (all.status->parsed()) return all.status_options;
  if (all.wait->parsed()) {
    if (all.seconds.wait_timeout > 0) {
      all.wait_options.timeout = std::chrono::seconds(all.seconds.wait_timeout);
    }
    return all.wait_options;
  }
  all.run_options.poll_wait = std::chrono::seconds(all.seconds.poll_wait);
  all.run_options.on_change_timeout = std::chrono::seconds(all.seconds.on_change_timeout);
  auto checked = check(std::move(all.run_options));
  if (!checked) return propagate(checked);
  return std::move(*checked);
}

help::Program manual() { return SidecarLine().line.manual(); }

}  // namespace agent_secrets::sidecar
