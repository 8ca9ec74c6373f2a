#include "sidecar/options.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "core/limits.h"

namespace agent_secrets::sidecar {
namespace {

std::string environment_name(std::string_view option) {
  std::string name = "AGENT_SECRETS_SIDECAR_";
  for (const char c : option.substr(2)) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& option, Value& value, std::string help) {
  return app.add_option(option, value, std::move(help))->envname(environment_name(option));
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

void add_run(CLI::App& run, RunOptions& options, Seconds& seconds) {
  add(run, "--credential-file", options.credential_file, "watch credential");
  add(run, "--credential-fd", options.credential_fd,
      "descriptor to read the watch credential from");
  add(run, "--bot-pid", options.bot.pid, "exit when this process ends");
  add(run, "--bot-pidfd", options.bot.pidfd, "exit when the process of this pidfd ends");
  run.add_option("--ready-fd", options.ready_fd,
                 "descriptor to write a byte to when it watches; it ends otherwise");
  add(run, "--sequence", options.sequence,
      "sequence that the bot runs; default: from running.json");
  add(run, "--instance", options.instance, "name to report; default: the host's name");
  add(run, "--state-dir", options.state_directory, "where running.json is and redeploy.json goes")
      ->capture_default_str();
  add(run, "--listen", options.listen,
      "serve /status, /readyz, /livez, /metrics on 127.0.0.1:PORT");
  add(run, "--unready-when", options.unready_when, "from which state on /readyz is 503")
      ->transform(CLI::CheckedTransformer(kUnreadyWhen).description(""))
      ->type_name("never|stale|superseded");
  add(run, "--on-change", options.on_change,
      "shell command to run when something changes, facts in its environment")
      ->type_name("COMMAND");
  add(run, "--on-change-timeout", seconds.on_change_timeout, "seconds that it may take")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  add(run, "--poll-wait", seconds.poll_wait, "seconds that one request waits for a change")
      ->check(CLI::Range(1, static_cast<int>(limits::kWatchWaitMax.count())))
      ->capture_default_str();
  run.add_flag("--allow-plain-http", options.allow_plain_http,
               "talk http:// to hosts that are not loopback")
      ->envname(environment_name("--allow-plain-http"));
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
  add(status, "--state-dir", options.state_directory, "state directory of the sidecar")
      ->capture_default_str();
  status.add_flag("--json", options.json, "print what the sidecar knows as JSON");
  status.footer("Exit: 0 current, 10 stale, 11 superseded, 12 unknown, revoked or unbound.");
}

std::map<std::string, WatchState> state_names() {
  std::map<std::string, WatchState> names;
  for (const WatchState state : kWatchStates) names.emplace(to_string(state), state);
  return names;
}

void add_wait_change(CLI::App& wait, WaitChangeOptions& options, Seconds& seconds) {
  add(wait, "--state-dir", options.state_directory, "state directory of the sidecar")
      ->capture_default_str();
  wait.add_option("--from", options.from,
                  "wait while this is the state; default: current or unknown")
      ->transform(CLI::CheckedTransformer(state_names()).description(""))
      ->type_name("STATE");
  wait.add_option("--timeout", seconds.wait_timeout, "seconds to wait at most; default: for ever")
      ->check(CLI::Range(1, 31'536'000));
  wait.footer("Exit: as status, of the new state; 124 when the time was up.");
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

}  // namespace

Result<Command> parse_options(int argc, const char* const* argv) {
  CLI::App app(
      "Watches the versions of an agent's secret sets and flags that a redeploy is needed.",
      "secret-sidecar");
  app.set_version_flag("--version", "secret-sidecar " AGENT_SECRETS_VERSION);
  app.require_subcommand(1);
  RunOptions run_options;
  StatusOptions status_options;
  WaitChangeOptions wait_options;
  Seconds seconds;
  CLI::App& run = *app.add_subcommand("run", "watch until the bot ends or SIGTERM");
  CLI::App& status = *app.add_subcommand("status", "say what the running sidecar knows");
  CLI::App& wait = *app.add_subcommand("wait-change",
                                       "wait until a redeploy is needed, or the state is another");
  add_run(run, run_options, seconds);
  add_status(status, status_options);
  add_wait_change(wait, wait_options, seconds);
  // CLI11 reads the variables of a subcommand that was not given too, and a bad one ends it.
  if (argc < 2 || std::string_view(argv[1]) != "run") forget_variables(run);
  try {
    app.parse(argc, argv);
    if (run.parsed()) refuse_skipped_variables(run);
  } catch (const CLI::CallForHelp&) {
    return ShowText{app.help()};
  } catch (const CLI::CallForVersion& version) {
    return ShowText{std::string(version.what()) + "\n"};
  } catch (const CLI::Error& error) {
    return fail(ErrorCode::invalid, error.what(), "see secret-sidecar --help");
  }
  if (status.parsed()) return status_options;
  if (wait.parsed()) {
    if (seconds.wait_timeout > 0) wait_options.timeout = std::chrono::seconds(seconds.wait_timeout);
    return wait_options;
  }
  run_options.poll_wait = std::chrono::seconds(seconds.poll_wait);
  run_options.on_change_timeout = std::chrono::seconds(seconds.on_change_timeout);
  auto checked = check(std::move(run_options));
  if (!checked) return propagate(checked);
  return std::move(*checked);
}

}  // namespace agent_secrets::sidecar
