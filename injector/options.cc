#include "injector/options.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "injector/duration.h"

namespace agent_secrets {
namespace {

constexpr std::string_view kHelp =
    R"(Usage: secret-injector [options] [--] command [args...]
       secret-injector check [--json] [options] [-- command args...]
       secret-injector env [--json] [options]
       secret-injector keygen FILE
       secret-injector watch-credential [--credential-file PATH]

Fetches this agent's secrets, puts them into the environment, and becomes the command:
same process, same arguments, same working directory. Nothing of it stays behind.

  secret-injector -- python bot.py
  secret-injector --cache-dir /var/cache/agent-secrets --sidecar -- python bot.py
  secret-injector --env-file .env -- python bot.py       on a laptop, without a control plane

Does it not start, or would it? These two do all but start it, and write nothing:

  secret-injector check -- python bot.py     each step with its time, then what to do about it
  secret-injector env                        the variables, where they come from, no values

Where the secrets come from
  --credential-file PATH    the agent's credential (default: the file that
                            $AGENT_SECRETS_CREDENTIAL_FILE names, then $AGENT_SECRETS_CREDENTIAL)
  --env-file PATH           take the values from a file instead of a control plane, read as
                            python-dotenv reads it; repeatable, later files win
  --env-format FORMAT       dotenv (default), or cli: as `secrets set --file` of the official CLI
                            reads it, and refuses what that refuses
  --expand                  resolve ${NAME} and ${NAME:-default} in the files, as python-dotenv does
  --timeout DURATION        for everything until the command starts (default 30s)
  --cache-dir DIR           keep the last bundle here, sealed as it came, for a start while the
                            control plane cannot be reached
  --cache-max-age DURATION  how old it may be then (default 24h; 90s, 30m, 24h, 7d)
  --allow-plain-http        also talk http:// to a control plane that is not on loopback; for a
                            network that you trust. Values stay sealed and signed. Lost is the
                            rest: others on the way see agents, key ids, sets and times, can
                            repeat a request for five minutes, and can forge refusals and what
                            the sidecar hears
  --cache-after DURATION    with such a bundle, how long to wait for the control plane before
                            starting from the cache (default 2s)
  --cache=required          start nothing when the cache cannot be used or written; without it that
                            is a warning, unless the control plane cannot be reached
  --accept-sequence N       take a bundle older than the cached one, down to sequence N: for one
                            start after the control plane was restored from a backup

What the command gets
  --only KEY,...            only these keys of the secret set
  --require KEY,...         fail unless the command gets all of these
  --on-conflict WHO         when the image sets a key too: override (the set wins; default),
                            keep (the image wins) or fail
  --allow KEY,...           take reserved names from the set too (LD_*, PYTHONPATH, PATH, ...):
                            names that decide which code runs or whom TLS trusts
  --user UID:GID[,GID,...]  started as root, run it as this user, with no other groups than these;
                            HOME and the rest of the environment stay as they are
  --core                    allow core dumps; without it they are off, for the command too

The names that the command gets
  --rename FROM=TO,...      give the set's key FROM to the command as TO
  --prefix P                put P in front of every other key. --only, --rename and --file name keys
                            as the set has them; --require, --allow and --on-conflict judge the
                            names that the command gets

A secret as a file, for programs that want a path
  --file KEY=VARIABLE       put KEY's value into a file in memory, its path into VARIABLE (without
                            =VARIABLE: into the key's own variable); repeatable
                              --file GOOGLE_JSON=GOOGLE_APPLICATION_CREDENTIALS
  --file KEY=VARIABLE:PATH  the same with a file at PATH, on a tmpfs:
                              --file CERT=SSL_CERT:/run/agent-secrets/files/cert.pem
  --allow-disk              allow PATH on another file system, where the value may stay on a disk

What else happens
  --state-dir DIR           where running.json says what runs (default $AGENT_SECRETS_STATE_DIR,
                            then /run/agent-secrets, for a user who may not write there
                            $XDG_RUNTIME_DIR/agent-secrets; used if it exists, made only for a
                            sidecar)
  --purpose PURPOSE         what the control plane takes the run for: bot; develop, shown apart and
                            forgotten after a day (the default on a terminal without --sidecar);
                            one-shot
  --one-shot                short for --purpose one-shot: the command is no bot and ends soon (a
                            migration, a cron job, printenv in the bot's container): the state
                            directory is left alone, and the control plane counts no instance
  --sidecar[=required]      also start secret-sidecar, which tells when a redeploy is needed; with
                            =required nothing starts without it
  -q, --quiet               no warnings
  -v, --verbose             each step, with its time
  -h, --help                this text
  --version                 the version

check and env take the options of a start; --json is for programs. check exits 0 (all is well),
1 (warnings), 3 (unreachable), 4 (refused), 5 (nothing to run yet), 6 (bad bundle), or as a start
would (125, 126, 127).

keygen writes a new secret to FILE (mode 0600, never overwritten) and prints its public half, to
register with the control plane. watch-credential prints the credential for a sidecar in its own
container: it can ask for versions and cannot open a bundle.

A command that is named like one of these four goes behind `--`: secret-injector -- env A=1 bot

Exit status: the command's own. 125: the secrets could not be had, and nothing was started.
126: the command cannot be executed. 127: it was not found. 128+n: signal n came while fetching.
)";

// What CLI11 fills in; to_options() gives it meaning.
struct Words {
  std::string timeout;
  std::string cache;
  std::string cache_max_age;
  std::string cache_after;
  std::string on_conflict;
  std::string env_format;
  std::string sidecar;
  std::string purpose;
  std::string user;
  std::vector<std::string> renames;
  std::vector<std::string> files;
  std::int64_t accept_sequence = 0;
  bool help = false;
  bool version = false;
  bool quiet = false;
  bool verbose = false;
  bool one_shot = false;
};

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

// A comma separates keys, or the option is repeated; it never takes the words behind it.
void add_keys(CLI::App& app, const std::string& name, std::vector<std::string>& keys) {
  app.add_option(name, keys)->delimiter(',')->allow_extra_args(false);
}

// Most starts name no key anew and make no file, and pay nothing for these options: CLI11 compares
// the name of each new option with all others, which takes 17,000 instructions an option.
bool has_option_of_names(int argc, char** argv) {
  constexpr auto kOptions =
      std::to_array<std::string_view>({"--rename", "--prefix", "--file", "--allow-disk"});
  return std::any_of(argv, argv + argc, [&](std::string_view word) {
    return std::ranges::any_of(kOptions, [&](auto option) { return word.starts_with(option); });
  });
}

void declare_names(CLI::App& app, Options& options, Words& words) {
  add_keys(app, "--rename", words.renames);
  app.add_option("--prefix", options.environment.renaming.prefix);
  app.add_option("--file", words.files)->allow_extra_args(false);
  app.add_flag("--allow-disk", options.allow_disk);
}

bool looks_only(Action action) {
  return action == Action::check || action == Action::list_environment;
}

void declare(CLI::App& app, Options& options, Words& words) {
  app.set_help_flag();
  app.prefix_command();
  app.add_flag("-h,--help", words.help);
  app.add_flag("--version", words.version);
  app.add_flag("-q,--quiet", words.quiet);
  app.add_flag("-v,--verbose", words.verbose);
  app.add_option("--credential-file", options.credential_file);
  app.add_option("--env-file", options.env_files)->allow_extra_args(false);
  app.add_flag("--allow-plain-http", options.allow_plain_http);
  app.add_option("--env-format", words.env_format)->check(CLI::IsMember({"dotenv", "cli"}));
  app.add_flag("--expand", options.expand);
  app.add_option("--timeout", words.timeout);
  app.add_option("--cache-dir", options.cache_directory);
  app.add_option("--cache", words.cache)->check(CLI::IsMember({"optional", "required"}));
  app.add_option("--cache-max-age", words.cache_max_age);
  app.add_option("--cache-after", words.cache_after);
  app.add_option("--accept-sequence", words.accept_sequence)->check(CLI::NonNegativeNumber);
  add_keys(app, "--only", options.environment.only);
  add_keys(app, "--require", options.environment.require);
  add_keys(app, "--allow", options.environment.allow);
  app.add_option("--on-conflict", words.on_conflict)
      ->check(CLI::IsMember({"override", "keep", "fail"}));
  app.add_option("--state-dir", options.state_directory);
  CLI::Option* purpose = app.add_option("--purpose", words.purpose)
                             ->check(CLI::IsMember({"bot", "develop", "one-shot"}));
  app.add_flag("--one-shot", words.one_shot)->excludes(purpose);
  app.add_flag("--sidecar{optional}", words.sidecar)
      ->check(CLI::IsMember({"optional", "required"}));
  app.add_option("--user", words.user);
  app.add_flag("--core", options.core_dumps);
  if (looks_only(options.action)) app.add_flag("--json", options.json);
}

std::unexpected<Error> wrong_use(std::string message) {
  return fail(ErrorCode::invalid, std::move(message), "see secret-injector --help");
}

// The words from the command on. CLI11 leaves a first `--` among them, and unknown options too.
Result<std::vector<std::string>> command_of(std::vector<std::string> rest) {
  if (!rest.empty() && rest.front() == "--") {
    rest.erase(rest.begin());
  } else if (!rest.empty() && rest.front().starts_with('-')) {
    return wrong_use(fmt::format("unknown option {}", rest.front()));
  }
  return rest;
}

// --rename, --prefix, --file.
Result<void> apply_names(const Words& words, EnvironmentPolicy& environment) {
  auto renames = parse_renames(words.renames);
  if (!renames) return propagate(renames);
  environment.renaming.renames = std::move(*renames);
  if (auto prefix = check_prefix(environment.renaming.prefix); !prefix) return prefix;
  auto files = parse_file_wishes(words.files);
  if (!files) return propagate(files);
  environment.files = std::move(*files);
  return {};
}

Result<void> apply(const Words& words, const CLI::App& app, Options& options) {
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
  if (auto named = apply_names(words, options.environment); !named) return named;
  options.cache.required = words.cache == "required";
  if (app.count("--user") > 0) {
    auto user = parse_bot_user(words.user);
    if (!user) return propagate(user);
    options.user = std::move(*user);
  }
  if (app.count("--accept-sequence") > 0) options.cache.accepted_sequence = words.accept_sequence;
  if (words.env_format == "cli") options.env_format = EnvFormat::cli;
  if (words.on_conflict == "keep") options.environment.on_conflict = OnConflict::keep;
  if (words.on_conflict == "fail") options.environment.on_conflict = OnConflict::fail;
  if (words.sidecar == "optional") options.sidecar = SidecarWish::optional;
  if (words.sidecar == "required") options.sidecar = SidecarWish::required;
  if (words.purpose == "bot") options.purpose = Purpose::bot;
  if (words.purpose == "develop") options.purpose = Purpose::develop;
  if (words.purpose == "one-shot" || words.one_shot) options.purpose = Purpose::one_shot;
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

Result<void> check(const Options& options) {
  if (options.action == Action::keygen && options.seed_path.empty()) {
    return wrong_use("keygen: where to write the secret is missing");
  }
  if (options.action != Action::run && !looks_only(options.action)) return {};
  if (options.action == Action::run && options.command.empty()) {
    return wrong_use("no command is given");
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

// CLI11 knows the actions only as words: a command of the same name, behind `--`, stays a command.
Action action_of(std::string_view word) {
  if (word == "check") return Action::check;
  if (word == "env") return Action::list_environment;
  if (word == "keygen") return Action::keygen;
  if (word == "watch-credential") return Action::watch_credential;
  return Action::run;
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options options;
  Words words;
  options.action = argc > 1 ? action_of(argv[1]) : Action::run;
  const int skipped = options.action == Action::run ? 0 : 1;
  std::vector<std::string> rest;
  try {
    CLI::App app;
    declare(app, options, words);
    if (has_option_of_names(argc, argv)) declare_names(app, options, words);
    app.parse(argc - skipped, argv + skipped);
    rest = app.remaining();
    if (auto applied = apply(words, app, options); !applied) return propagate(applied);
  } catch (const CLI::ParseError& error) {
    return wrong_use(error.what());
  }
  if (options.action == Action::help || options.action == Action::version) return options;

  // Who means env(1) must not get a list instead.
  if (looks_only(options.action) && !rest.empty() && !rest.front().starts_with('-')) {
    return fail(ErrorCode::invalid, fmt::format("'{}' has no meaning here", rest.front()),
                fmt::format("put a command behind --; to run the program {0}: secret-injector -- "
                            "{0} {1}",
                            argv[1], rest.front()));
  }
  auto command = command_of(std::move(rest));
  if (!command) return propagate(command);
  if (auto taken = take_words(std::move(*command), options); !taken) return propagate(taken);
  if (auto checked = check(options); !checked) return propagate(checked);
  return options;
}

std::string_view help_text() { return kHelp; }

}  // namespace agent_secrets
