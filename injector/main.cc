// secret-injector: fetches an agent's secrets, puts them into the environment, and executes the
// command. This file is the table of contents: each step is a file of its own.

#include <cstdio>
#include <utility>

#include <sodium.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/environment_block.h"
#include "core/error.h"
#include "core/find_variable.h"
#include "core/help/answer.h"
#include "core/log.h"
#include "core/standard_streams.h"
#include "core/terminal_style.h"
#include "core/write_file.h"
#include "injector/arrangement.h"
#include "injector/bot_user.h"
#include "injector/check.h"
#include "injector/check_report.h"
#include "injector/credential_source.h"
#include "injector/dotenv_search.h"
#include "injector/environment.h"
#include "injector/exec.h"
#include "injector/explain_environment.h"
#include "injector/keygen.h"
#include "injector/list_environment.h"
#include "injector/manual.h"
#include "injector/options.h"
#include "injector/progress.h"
#include "injector/promised_descriptors.h"
#include "injector/protection.h"
#include "injector/signals.h"
#include "injector/start.h"
#include "injector/value_files.h"
#include "injector/watchdog.h"

using namespace agent_secrets;

namespace {

constexpr const char* kProgram = "secret-injector";

Log make_log(Verbosity verbosity) {
  switch (verbosity) {
    case Verbosity::quiet:
      return Log::from_environment(kProgram, LogLevel::error);
    case Verbosity::normal:
      return Log::from_environment(kProgram, LogLevel::warning);
    case Verbosity::verbose:
      return Log::from_environment(kProgram, LogLevel::debug);
  }
  AGENT_SECRETS_ASSERT(false);
}

// A failure outside a start.
int report(const Error& error, std::string_view step) {
  return report_failure(make_log(Verbosity::normal), step, "see secret-injector --help", error,
                        kExitInjectorFailed);
}

int print(std::string_view text) {
  auto written = write_all(STDOUT_FILENO, text, "stdout");
  return written ? 0 : report(written.error(), "print");
}

Result<void> protect(bool core_dumps) {
  if (auto forbidden = forbid_inspection(); !forbidden) return forbidden;
  return core_dumps ? Result<void>() : forbid_core_dumps();
}

// Not an error: one image may name keys that some agents' sets do not have. --require makes a key
// mandatory.
void warn_of_unknown_keys(const EnvironmentPolicy& policy, const std::vector<EnvironmentEntry>& set,
                          const Log& log) {
  for (const std::string& key : not_in_set(set, policy.only)) {
    log.warning("--only names a key that no set has", {{"key", key}});
  }
  for (const std::string& key : unknown_renames(set, policy.renaming.renames)) {
    log.warning("--rename names a key that no set has", {{"key", key}});
  }
}

// Explains a command that was not found and resembles an action of this program.
Error hinting_at_command(Error error, const std::vector<std::string>& command, char** image) {
  if (auto meant = meant_by_command(command, find_variable(image, "PATH"))) error.hint = *meant;
  return error;
}

int run(const Options& options, char** image, SecretBuffer credential_variable,
        const Signals& signals) {
  const Deadline deadline(options.timeout);
  const Log log = make_log(options.verbosity);
  Progress progress(log);
  const auto fail_with = [&progress](const Error& error) {
    return progress.report(error, kExitInjectorFailed);
  };
  progress.prepare_timeout_reports(options.timeout, kExitInjectorFailed);
  Watchdog watchdog(options.timeout, kExitInjectorFailed);

  progress.enter(StartStep::protect);
  if (auto done = protect(options.core_dumps); !done) return fail_with(done.error());
  if (options.user) {
    if (auto root = check_may_switch_user(); !root) return fail_with(root.error());
  }
  const PromisedDescriptors promised =
      find_promised_descriptors(options.command, image, ::getpid());
  remove_broken_promises(promised, image, log);

  auto material = gather_material(options, image, credential_variable, deadline, progress);
  credential_variable = SecretBuffer();  // wiped: from here on no key that opens bundles exists
  if (!material) {
    return fail_with(hinting_at_command(std::move(material.error()), options.command, image));
  }

  progress.enter(StartStep::environment);
  auto set = parse_environment_block(material->block);
  if (!set) return fail_with(set.error());
  warn_of_no_secrets(*material, log);
  warn_of_unknown_keys(options.environment, *set, log);
  auto arranged = arrange(*set, options.environment, promised.kept);
  if (!arranged) return fail_with(arranged.error());
  auto environment = compose_environment(image, arranged->entries, options.environment);
  if (!environment) return fail_with(environment.error());
  auto fits = check_argument_space(options.command, *environment, arranged->entries,
                                   current_argument_space());
  if (!fits) return fail_with(fits.error());
  warn_of_dotenv(options, image, *set, *arranged, *environment, log);

  ValueFiles files;
  if (!options.environment.files.empty()) {
    progress.enter(StartStep::files);
    auto made = ValueFiles::make(*arranged, *environment,
                                 {.user = options.user, .allow_disk = options.allow_disk},
                                 material->state, log);
    if (!made) return fail_with(made.error());
    files = std::move(*made);
  }

  progress.enter(StartStep::state);
  publish_state(*material, log);
  progress.enter(StartStep::sidecar);
  auto started = start_sidecar(options, *material, image, deadline, log);
  if (!started) return fail_with(started.error());

  progress.enter(StartStep::command);
  watchdog.disarm();
  if (auto placed = files.place(promised.kept); !placed) return fail_with(placed.error());
  if (options.user) {
    if (auto other = become(*options.user); !other) return fail_with(other.error());
  }
  ExecFailure failure = exec_command(options.command, *environment, signals);
  return progress.report(hinting_at_command(std::move(failure.error), options.command, image),
                         failure.exit_code);
}

int check(const Options& options, char** image, const SecretBuffer& credential_variable) {
  if (auto done = protect(false); !done) return report(done.error(), "protect");
  const TerminalStyle style = choose_style(::isatty(STDOUT_FILENO) == 1, image);
  const bool quiet = options.verbosity == Verbosity::quiet;
  SystemClock clock;
  const CheckReport found =
      run_check(options,
                {.image = image,
                 .credential_variable = credential_variable,
                 .working_directory = ".",
                 .clock = clock,
                 .make_transport =
                     [&options](const CredentialIdentity& identity) {
                       return make_transport(identity, options);
                     },
                 .make_login_transport = make_login_transport},
                [&](const Step& step) {
                  if (options.json || (quiet && step.status == StepStatus::ok)) return;
                  print(step_lines(step, style));
                });
  const int printed =
      print(options.json ? report_json(found, exit_code_of(found)) : verdict_line(found, style));
  return printed == 0 ? exit_code_of(found) : printed;
}

int list_environment(const Options& options, char** image,
                     const SecretBuffer& credential_variable) {
  if (auto done = protect(false); !done) return report(done.error(), "protect");
  Options asking = options;
  asking.cache_directory.clear();  // no bundle may be written to the cache
  const Deadline deadline(options.timeout);
  const Log log = make_log(options.verbosity);
  Progress progress(log);
  const auto fail_with = [&progress](const Error& error) {
    return progress.report(error, kExitInjectorFailed);
  };
  auto material = gather_material(asking, image, credential_variable, deadline, progress);
  if (!material) return fail_with(material.error());
  progress.enter(StartStep::environment);
  auto set = parse_environment_block(material->block);
  if (!set) return fail_with(set.error());
  warn_of_no_secrets(*material, log);
  auto arranged = arrange(*set, options.environment);
  if (!arranged) return fail_with(arranged.error());
  auto environment = compose_environment(image, arranged->entries, options.environment);
  if (!environment) return fail_with(environment.error());
  auto files = origins_in_files(options.env_files, options.env_format);
  if (!files) return fail_with(files.error());

  const EnvironmentListing listing{
      .variables = explain_environment(image, *set, *arranged, *environment),
      .sets = material->facts.sets,
      .files = std::move(*files)};
  const TerminalStyle style = choose_style(::isatty(STDOUT_FILENO) == 1, image);
  if (options.json) return print(listing_json(listing));
  return print(style.terminal ? listing_table(listing, style) : listing_tsv(listing));
}

int explain(const Options& options) {
  auto text = help::answer(manual(), options.help_words, help::style_of_standard_output());
  return text ? print(*text) : report(text.error(), "options");
}

// A person at a terminal sees how to begin. A script gets a short error.
bool is_first_try(int argc, char** image, const SecretBuffer& credential_variable) {
  return argc == 1 && credential_variable.empty() &&
         find_variable(image, kCredentialFileVariable) == nullptr && ::isatty(STDIN_FILENO) == 1 &&
         ::isatty(STDERR_FILENO) == 1;
}

int show_ways_to_begin() {
  (void)write_all(STDERR_FILENO, ways_to_begin(), "stderr");
  return kExitInjectorFailed;
}

int keygen(const Options& options) {
  if (auto done = protect(false); !done) return report(done.error(), "protect");
  auto public_half = generate_key(options.seed_path);
  return public_half ? print(*public_half + '\n') : report(public_half.error(), "keygen");
}

int watch_credential(const Options& options, char** image, const SecretBuffer& variable) {
  if (auto done = protect(false); !done) return report(done.error(), "protect");
  auto loaded =
      load_credential(options.credential_file, image, variable, make_log(options.verbosity));
  if (!loaded) return report(loaded.error(), "credential");
  const int exit_code = print(watch_credential_text(loaded->credential).expose_text());
  return exit_code == 0 ? print("\n") : exit_code;
}

}  // namespace

int main(int argc, char** argv, char** image) {
  const Signals signals;
  if (auto opened = open_standard_streams(); !opened) return report(opened.error(), "streams");
  AGENT_SECRETS_ASSERT(sodium_init() >= 0);
  SecretBuffer credential_variable = take_credential_variable(image);
  if (is_first_try(argc, image, credential_variable)) return show_ways_to_begin();
  auto options = parse_options(argc, argv);
  if (!options) return report(options.error(), "options");
  switch (options->action) {
    case Action::run:
      return run(*options, image, std::move(credential_variable), signals);
    case Action::check:
      return check(*options, image, credential_variable);
    case Action::list_environment:
      return list_environment(*options, image, credential_variable);
    case Action::keygen:
      return keygen(*options);
    case Action::watch_credential:
      return watch_credential(*options, image, credential_variable);
    case Action::help:
      return explain(*options);
    case Action::version:
      return print("secret-injector " AGENT_SECRETS_VERSION "\n");
  }
}
