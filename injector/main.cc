// secret-injector: fetches an agent's secrets, puts them into the environment, and becomes the
// command. This file is the table of contents; each step is a file of its own.

#include <cstdio>
#include <utility>

#include <sodium.h>
#include <unistd.h>

#include "core/environment_block.h"
#include "core/error.h"
#include "core/log.h"
#include "core/standard_streams.h"
#include "injector/bot_user.h"
#include "injector/credential_source.h"
#include "injector/environment.h"
#include "injector/exec.h"
#include "injector/file.h"
#include "injector/keygen.h"
#include "injector/options.h"
#include "injector/protection.h"
#include "injector/signals.h"
#include "injector/start.h"

using namespace agent_secrets;

namespace {

constexpr const char* kProgram = "secret-injector";

int report(const Error& error, int exit_code = kExitInjectorFailed) {
  const std::string text = describe(kProgram, error);
  // The exit code still says it. NOLINTNEXTLINE(bugprone-unused-return-value)
  (void)write_all(STDERR_FILENO, text, "stderr");
  return exit_code;
}

int print(std::string_view text) {
  auto written = write_all(STDOUT_FILENO, text, "stdout");
  return written ? 0 : report(written.error());
}

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

Result<void> protect(bool core_dumps) {
  if (auto forbidden = forbid_inspection(); !forbidden) return forbidden;
  return core_dumps ? Result<void>() : forbid_core_dumps();
}

// Not an error: one image may name keys that not every agent's set has. --require is for the rest.
void warn_of_unknown_keys(const std::vector<std::string>& only,
                          const std::vector<EnvironmentEntry>& set, const Log& log) {
  for (const std::string& key : not_in_set(set, only)) {
    log.warning("--only names a key that no set has", {{"key", key}});
  }
}

int run(const Options& options, char** image, SecretBuffer credential_variable,
        const Signals& signals) {
  const Log log = make_log(options.verbosity);
  if (auto protected_ = protect(options.core_dumps); !protected_) return report(protected_.error());
  if (options.user) {
    if (auto root = check_may_switch_user(); !root) return report(root.error());
  }

  auto material = gather_material(options, image, credential_variable, log);
  credential_variable = SecretBuffer();  // wiped: what is left holds no key that opens bundles
  if (!material) return report(material.error());
  auto set = parse_environment_block(material->block);
  if (!set) return report(std::move(set.error()).within("environment"));
  warn_of_unknown_keys(options.environment.only, *set, log);
  auto environment = compose_environment(image, *set, options.environment);
  if (!environment) return report(environment.error());
  auto fits = check_argument_space(options.command, *environment, *set, current_argument_space());
  if (!fits) return report(fits.error());

  publish_state(options, *material, log);
  if (auto started = start_sidecar(options, *material, image, log); !started) {
    return report(started.error());
  }
  close_from(3);
  if (options.user) {
    if (auto other = become(*options.user); !other) return report(other.error());
  }
  const ExecFailure failure = exec_command(options.command, *environment, signals);
  return report(failure.error, failure.exit_code);
}

int keygen(const Options& options) {
  if (auto protected_ = protect(false); !protected_) return report(protected_.error());
  auto public_half = generate_key(options.seed_path);
  return public_half ? print(*public_half + '\n') : report(public_half.error());
}

int watch_credential(const Options& options, char** image, const SecretBuffer& variable) {
  if (auto protected_ = protect(false); !protected_) return report(protected_.error());
  auto credential =
      load_credential(options.credential_file, image, variable, make_log(options.verbosity));
  if (!credential) return report(credential.error());
  const int exit_code = print(watch_credential_text(*credential).expose_text());
  return exit_code == 0 ? print("\n") : exit_code;
}

}  // namespace

int main(int argc, char** argv, char** image) {
  const Signals signals;
  if (auto opened = open_standard_streams(); !opened) return report(opened.error());
  AGENT_SECRETS_ASSERT(sodium_init() >= 0);
  SecretBuffer credential_variable = take_credential_variable(image);
  auto options = parse_options(argc, argv);
  if (!options) return report(options.error());
  switch (options->action) {
    case Action::run:
      return run(*options, image, std::move(credential_variable), signals);
    case Action::keygen:
      return keygen(*options);
    case Action::watch_credential:
      return watch_credential(*options, image, credential_variable);
    case Action::help:
      return print(help_text());
    case Action::version:
      return print("secret-injector " AGENT_SECRETS_VERSION "\n");
  }
}
