#include "injector/options.h"

#include <algorithm>
#include <array>
#include <span>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/help/answer.h"
#include "core/help/nearest.h"
#include "core/help/read_cli11.h"
#include "injector/duration.h"
#include "injector/manual.h"
#include "injector/option_table.h"

namespace agent_secrets {
namespace {

Result<std::chrono::seconds> duration_option(std::string_view name, const std::string& word,
                                             std::chrono::seconds most) {
  const auto duration = parse_duration(word);
  if (!duration || duration->count() == 0 || *duration > most) {
    return fail(
        ErrorCode::invalid,
        fmt::format("{}: '{}' is no duration from 1s to {}", name, word, format_duration(most)),
        "write a number and a unit: 90s, 30m, 24h, 7d");
  }
  return *duration;
}

std::unexpected<Error> wrong_use(std::string message) {
  return fail(ErrorCode::invalid, std::move(message), "see secret-injector --help");
}

std::unexpected<Error> unknown_option(const std::string& word, Action action) {
  CLI::App app;
  Options options;
  OptionWords words;
  declare_options(app, action, options, words);
  return wrong_use(help::unknown_option(word, help::option_names(app), action_names()));
}

// The command and its arguments. CLI11 leaves a `--` before the command, and unknown options, among
// the remaining words.
Result<std::vector<std::string>> command_of(std::vector<std::string> rest, Action action) {
  if (!rest.empty() && rest.front() == "--") {
    rest.erase(rest.begin());
  } else if (!rest.empty() && rest.front().starts_with('-')) {
    return unknown_option(rest.front(), action);
  }
  return rest;
}

// --rename, --prefix, --file.
Result<void> apply_names(const OptionWords& words, EnvironmentPolicy& environment) {
  auto renames = parse_renames(words.renames);
  if (!renames) return propagate(renames);
  environment.renaming.renames = std::move(*renames);
  if (auto prefix = check_prefix(environment.renaming.prefix); !prefix) return prefix;
  auto files = parse_file_wishes(words.files);
  if (!files) return propagate(files);
  environment.files = std::move(*files);
  return {};
}

// For `--prefix=` CLI11 takes the next word as the value, also `--` or the command. Then an unset
// variable in a script would change which command runs. So an empty value is an error.
Result<void> refuse_empty_values(const CLI::App& app, std::span<char* const> command_line) {
  for (std::size_t i = 0; i < command_line.size(); ++i) {
    const std::string_view word = command_line[i];
    if (!word.starts_with('-') || word == "--") return {};  // the command
    const std::size_t equals = word.find('=');
    const CLI::Option* option = app.get_option_no_throw(std::string(word.substr(0, equals)));
    if (option == nullptr) continue;
    const bool takes_next = option->get_expected_min() > 0 && equals == std::string_view::npos;
    if (takes_next) ++i;
    const std::string_view value = equals != std::string_view::npos ? word.substr(equals + 1)
                                   : takes_next && i < command_line.size()
                                       ? std::string_view(command_line[i])
                                       : "none";
    const bool is_list = option->get_delimiter() != '\0';
    if (value.empty() ? equals != std::string_view::npos
                      : is_list && value.find_first_not_of(',') == std::string_view::npos) {
      return wrong_use(fmt::format("{}: the value is empty", word.substr(0, equals)));
    }
  }
  return {};
}

// False also for an option that the action does not have.
bool was_given(const CLI::App& app, const char* name) {
  const CLI::Option* option = app.get_option_no_throw(name);
  return option != nullptr && option->count() > 0;
}

Result<void> apply(const OptionWords& words, const CLI::App& app, Options& options) {
  if (!words.timeout.empty()) {
    auto timeout = duration_option("--timeout", words.timeout, std::chrono::hours(1));
    if (!timeout) return propagate(timeout);
    options.timeout = *timeout;
  }
  if (!words.cache_max_age.empty()) {
    auto max_age =
        duration_option("--cache-max-age", words.cache_max_age, std::chrono::hours(24 * 366));
    if (!max_age) return propagate(max_age);
    options.cache.max_age = *max_age;
  }
  if (!words.cache_after.empty()) {
    auto after = duration_option("--cache-after", words.cache_after, std::chrono::hours(1));
    if (!after) return propagate(after);
    options.cache.serve_after = *after;
  }
  if (!words.develop_lifetime.empty()) {
    auto lifetime = duration_option("--expires", words.develop_lifetime, limits::kDevelopKeyMax);
    if (!lifetime) return propagate(lifetime);
    options.develop.lifetime = *lifetime;
  }
  if (auto named = apply_names(words, options.environment); !named) return named;
  options.cache.required = words.cache == "required";
  if (was_given(app, "--user")) {
    auto user = parse_bot_user(words.user);
    if (!user) return propagate(user);
    options.user = std::move(*user);
  }
  if (was_given(app, "--accept-sequence")) {
    options.cache.accepted_sequence = words.accept_sequence;
  }
  if (words.env_format == "cli") options.env_format = EnvFormat::cli;
  if (words.on_conflict == "keep") options.environment.on_conflict = OnConflict::keep;
  if (words.on_conflict == "fail") options.environment.on_conflict = OnConflict::fail;
  if (words.sidecar == "optional") options.sidecar = SidecarWish::optional;
  if (words.sidecar == "required") options.sidecar = SidecarWish::required;
  if (words.purpose == "bot") options.purpose = Purpose::bot;
  if (words.purpose == "develop") options.purpose = Purpose::develop;
  if (words.purpose == "one-shot" || words.one_shot) options.purpose = Purpose::one_shot;
  if (!options.develop.agent.empty()) {
    options.environment.without_cli_token = true;
    if (!options.purpose) options.purpose = Purpose::develop;
  }
  if (words.verbose) options.verbosity = Verbosity::verbose;
  if (words.quiet) options.verbosity = Verbosity::quiet;
  if (words.version) options.action = Action::version;
  if (words.help) options.action = Action::help;
  return {};
}

Result<void> take_words(std::vector<std::string> words, Options& options) {
  if (options.action == Action::run || looks_only(options.action)) {
    options.command = std::move(words);
    return {};
  }
  if (options.action == Action::keygen && !words.empty()) {
    options.seed_path = words.front();
    words.erase(words.begin());
  }
  if (words.empty()) return {};
  return wrong_use(fmt::format("'{}' has no meaning here", words.front()));
}

Result<void> check_files(const Options& options) {
  const EnvironmentPolicy& environment = options.environment;
  for (const FileWish& file : environment.files) {
    const auto& renames = environment.renaming.renames;
    if (!file.variable.empty() &&
        std::ranges::find(renames, file.key, &Rename::from) != renames.end()) {
      return wrong_use(fmt::format("both --file and --rename name a variable for {}", file.key));
    }
  }
  if (options.allow_disk && !has_paths(environment.files)) {
    return wrong_use("--allow-disk has no use without --file KEY=VARIABLE:PATH");
  }
  if (options.purpose == Purpose::one_shot && has_paths(environment.files)) {
    return wrong_use(
        "--one-shot leaves no file behind: use --file KEY=VARIABLE, without a path, beside it");
  }
  return {};
}

// Options beside --agent.
Result<void> check_develop(const Options& options, const OptionWords& words) {
  if (options.develop.agent.empty()) {
    if (options.develop.organization.empty() && words.develop_lifetime.empty()) return {};
    return wrong_use("--organization and --expires have no use without --agent");
  }
  if (!options.credential_file.empty() || !options.env_files.empty()) {
    return wrong_use("--agent, --credential-file and --env-file exclude each other");
  }
  if (!options.cache_directory.empty()) {
    return wrong_use(
        "--agent makes a new key for each run, which opens no cached bundle: leave --cache-dir "
        "out");
  }
  if (options.sidecar != SidecarWish::none || options.purpose == Purpose::bot) {
    return wrong_use("--agent is for a run by hand, without --sidecar and --purpose bot");
  }
  return {};
}

Result<void> check(const Options& options) {
  if (options.action == Action::keygen && options.seed_path.empty()) {
    return wrong_use("keygen: where to write the secret is missing");
  }
  if (options.action != Action::run && !looks_only(options.action)) return {};
  if (options.action == Action::run && options.command.empty()) {
    return fail(ErrorCode::invalid, "no command is given",
                "write it behind the options: secret-injector --env-file .env -- python bot.py");
  }
  if (options.purpose == Purpose::one_shot &&
      (options.sidecar != SidecarWish::none || !options.state_directory.empty())) {
    return wrong_use(
        "--one-shot leaves the state directory alone: --state-dir and --sidecar have no use beside "
        "it");
  }
  if (auto files = check_files(options); !files) return files;
  if (options.purpose == Purpose::develop && options.sidecar != SidecarWish::none) {
    return wrong_use(
        "--purpose develop is for a run without a sidecar: with --sidecar leave --purpose out");
  }
  if (options.cache.required && options.cache_directory.empty()) {
    return wrong_use("--cache=required needs --cache-dir");
  }
  const bool reads_as_the_cli = options.env_format == EnvFormat::cli;
  if (reads_as_the_cli && options.expand) {
    return wrong_use("--expand has no use with --env-format cli: the CLI expands nothing");
  }
  if (options.env_files.empty()) {
    if (!reads_as_the_cli && !options.expand) return {};
    return wrong_use("--env-format and --expand have no use without --env-file");
  }
  if (options.sidecar != SidecarWish::none || !options.cache_directory.empty() ||
      !options.credential_file.empty()) {
    return wrong_use(
        "--env-file needs no control plane: --credential-file, --cache-dir and "
        "--sidecar have no use beside it");
  }
  return {};
}

// For `--help` among the options of an action.
std::vector<std::string> help_words(Action action, const char* first_word) {
  std::vector<std::string> words = {"help"};
  if (action != Action::run) words.emplace_back(first_word);
  return words;
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  if (argc > 1 && help::is_help_command(argv[1])) {
    options.action = Action::help;
    options.help_words.assign(argv + 1, argv + argc);
    return options;
  }
  OptionWords words;
  const Action action = argc > 1 ? action_of(argv[1]) : Action::run;
  const int skipped = action == Action::run ? 0 : 1;
  options.action = action;
  CLI::App app;
  app.prefix_command();
  std::vector<std::string> rest;
  try {
    declare_named_options(app, action, options, words, {argv, static_cast<std::size_t>(argc)});
    auto given = refuse_empty_values(app, {argv + skipped + 1, argv + argc});
    if (!given) return propagate(given);
    app.parse(argc - skipped, argv + skipped);
    rest = app.remaining();
    if (auto applied = apply(words, app, options); !applied) return propagate(applied);
  } catch (const CLI::ParseError& error) {
    return wrong_use(error.what());
  }
  if (options.action == Action::help) options.help_words = help_words(action, argv[1]);
  if (options.action == Action::help || options.action == Action::version) return options;

  // A command line for env(1) must not print a list instead.
  if (looks_only(action) && !rest.empty() && !rest.front().starts_with('-')) {
    return fail(ErrorCode::invalid, fmt::format("'{}' has no meaning here", rest.front()),
                fmt::format("put a command behind --; to run the program {0}: secret-injector -- "
                            "{0} {1}",
                            argv[1], rest.front()));
  }
  auto command = command_of(std::move(rest), action);
  if (!command) return propagate(command);
  if (auto taken = take_words(std::move(*command), options); !taken) return propagate(taken);
  if (auto checked = check_develop(options, words); !checked) return propagate(checked);
  if (auto checked = check(options); !checked) return propagate(checked);
  return options;
}

}  // namespace agent_secrets
