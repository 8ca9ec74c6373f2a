#include "injector/option_table.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "injector/duration.h"

namespace agent_secrets {
namespace {

// "-q,--quiet", "--sidecar{optional}": the long name.
std::string_view long_name(std::string_view name) {
  name.remove_prefix(name.find("--"));
  return name.substr(0, name.find('{'));
}

bool has_short_name(std::string_view name) { return !name.starts_with("--"); }

// Declares options. A member function returns nullptr for an option that is not declared.
class Table {
 public:
  explicit Table(CLI::App& app) : app_(app) {}
  Table(CLI::App& app, std::span<char* const> command_line)
      : app_(app), command_line_(command_line), only_named_(true) {}

  // The title above the options that follow.
  void group(const char* title) { group_ = title; }

  template <typename T>
  CLI::Option* option(const char* name, T& target, const char* argument, const char* text) {
    return is_wanted(name) ? explained(app_.add_option(name, target), argument, text) : nullptr;
  }

  template <typename T>
  CLI::Option* flag(const char* name, T& target, const char* text, const char* argument = "") {
    return is_wanted(name) ? explained(app_.add_flag(name, target), argument, text) : nullptr;
  }

  // Can be given several times, each time with exactly one argument.
  CLI::Option* several(const char* name, std::vector<std::string>& target, const char* argument,
                       const char* text) {
    CLI::Option* several = option(name, target, argument, text);
    return several == nullptr ? nullptr : several->allow_extra_args(false);
  }

  // Like several(), with commas between keys.
  void keys(const char* name, std::vector<std::string>& target, const char* text,
            const char* argument = "KEY,...") {
    CLI::Option* keys = several(name, target, argument, text);
    if (keys != nullptr) keys->delimiter(',');
  }

  // One of `words`. The first word is the default, unless `fallback` names another.
  CLI::Option* choice(const char* name, std::string& target,
                      std::initializer_list<const char*> words, const char* text,
                      const char* fallback = nullptr) {
    CLI::Option* choice = option(name, target, "", text);
    checked(choice, CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
    if (!only_named_) {
      choice->type_name(fmt::format("{}", fmt::join(words, "|")));
      choice->default_str(fallback == nullptr ? *words.begin() : fallback);
    }
    return choice;
  }

  void duration(const char* name, std::string& target, std::chrono::seconds fallback,
                const char* text) {
    CLI::Option* duration = option(name, target, "DURATION", text);
    if (!only_named_) duration->default_str(format_duration(fallback));
  }

  // Otherwise CLI11 appends the description of the check to the word for the argument.
  void checked(CLI::Option* option, CLI::Validator check) const {
    if (option == nullptr) return;
    if (!only_named_) check.description("");
    option->check(std::move(check));
  }

  // The parts of the texts about the option.
  void shown(CLI::Option* option, const char* fallback, const char* variable) const {
    if (only_named_) return;
    option->default_str(fallback);
    option->envname(variable);
  }

 private:
  [[nodiscard]] bool is_wanted(std::string_view name) const {
    if (!only_named_) return true;
    return std::ranges::any_of(command_line_, [&](std::string_view word) {
      if (!word.starts_with('-')) return false;
      // Short names can be combined, as in -qv.
      if (!word.starts_with("--")) return has_short_name(name);
      return word.starts_with(long_name(name));
    });
  }

  CLI::Option* explained(CLI::Option* option, const char* argument, const char* text) {
    if (only_named_) return option;
    return option->description(text)->type_name(argument)->group(group_);
  }

  CLI::App& app_;
  std::span<char* const> command_line_;
  bool only_named_ = false;
  const char* group_ = "Options";
};

void declare_credential(Table& table, Options& options) {
  table.group("Where the secrets come from");
  table.shown(table.option("--credential-file", options.credential_file, "FILE",
                           "read the agent's credential from this file; without a file, from "
                           "$AGENT_SECRETS_CREDENTIAL"),
              "", "AGENT_SECRETS_CREDENTIAL_FILE");
}

void declare_source(Table& table, Options& options, OptionWords& words) {
  declare_credential(table, options);
  table.several("--env-file", options.env_files, "FILE",
                "take the values from this file, without a control plane; of several files, later "
                "ones win");
  table.choice("--env-format", words.env_format, {"dotenv", "cli"},
               "read env files as python-dotenv does, or as `secrets set --file` of the official "
               "CLI does, and refuse what that refuses");
  table.flag("--expand", options.expand,
             "replace ${NAME} and ${NAME:-default} in env files, as python-dotenv does");
  table.duration("--timeout", words.timeout, options.timeout,
                 "give up when the command has not started after this time, at most 1h");
  table.flag("--allow-plain-http", options.allow_plain_http,
             "also talk http:// to a control plane that is not on loopback. Values stay sealed and "
             "signed. Others on the network can see agents, key ids, sets and times, repeat a "
             "request for five minutes, and forge refusals and what the sidecar hears");
}

void declare_develop(Table& table, Options& options, OptionWords& words) {
  table.group("With the login of the official CLI");
  table.option("--agent", options.develop.agent, "NAME",
               "run on this machine with the values that this agent's instances get; the command "
               "does not get PIPECAT_TOKEN");
  table.shown(table.option("--organization", options.develop.organization, "NAME",
                           "the agent's organization"),
              "that of the login", "PIPECAT_ORG");
  table.duration("--expires", words.develop_lifetime, options.develop.lifetime,
                 "how long the control plane accepts the key that is made for this run, at most "
                 "24h");
}

void declare_cache(Table& table, Options& options, OptionWords& words) {
  table.group("While the control plane cannot be reached");
  table.option("--cache-dir", options.cache_directory, "DIR",
               "keep the last bundle in this directory, sealed, and start from it");
  table.choice("--cache", words.cache, {"optional", "required"},
               "required: start nothing when the cache cannot be used or written. Otherwise that "
               "is a warning, unless the control plane cannot be reached");
  table.duration("--cache-max-age", words.cache_max_age, options.cache.max_age,
                 "do not start from a bundle that is older");
  table.duration("--cache-after", words.cache_after,
                 std::chrono::duration_cast<std::chrono::seconds>(options.cache.serve_after),
                 "wait so long for the control plane before starting from the cache, at most 1h");
  table.checked(
      table.option("--accept-sequence", words.accept_sequence, "N",
                   "take a bundle older than the cached one, down to sequence N: for one start "
                   "after the control plane was restored from a backup"),
      CLI::NonNegativeNumber);
}

void declare_environment(Table& table, Options& options, OptionWords& words) {
  table.group("What the command gets");
  table.keys("--only", options.environment.only, "take only these keys of the secret set");
  table.keys("--require", options.environment.require,
             "fail unless the command gets all of these, and none is empty");
  table.choice("--on-conflict", words.on_conflict, {"override", "keep", "fail"},
               "if the image sets a key of the set too: override takes the value of the set, keep "
               "the value of the image");
  table.keys("--allow", options.environment.allow,
             "take these reserved names from the set too (LD_PRELOAD, PYTHONPATH, PATH, ...): they "
             "decide which code runs, or which servers are trusted");
  table.option("--user", words.user, "UID:GID[,GID...]",
               "started as root, run the command as this user, with no other groups; HOME and the "
               "rest of the environment stay as they are");
  table.flag("--core", options.core_dumps, "allow core dumps, which are off otherwise");
}

void declare_names(Table& table, Options& options, OptionWords& words) {
  table.group("The names of the variables");
  table.keys("--rename", words.renames, "give the key FROM of the set to the command as TO",
             "FROM=TO,...");
  table.option("--prefix", options.environment.renaming.prefix, "PREFIX",
               "put this in front of every other key. --only, --rename and --file take the names "
               "of the set; --require, --allow and --on-conflict take the new names");
}

void declare_files(Table& table, Options& options, OptionWords& words) {
  table.group("A secret as a file, for programs that want a path");
  table.several("--file", words.files, "KEY[=VARIABLE[:PATH]]",
                "put the value of KEY into a file in memory, and the path of the file into "
                "VARIABLE (the variable of KEY unless given). With PATH the file is there, on a "
                "tmpfs");
  table.flag("--allow-disk", options.allow_disk,
             "let PATH be on another file system, where the value may stay on a disk");
}

void declare_state(Table& table, Options& options, OptionWords& words) {
  table.group("What else happens");
  table.shown(table.option("--state-dir", options.state_directory, "DIR",
                           "the directory of running.json, which says what runs; made if it is "
                           "missing. The default is used if it exists, and made only for a "
                           "sidecar"),
              "/run/agent-secrets, or $XDG_RUNTIME_DIR/agent-secrets for a user who may not write "
              "there",
              "AGENT_SECRETS_STATE_DIR");
  CLI::Option* purpose = table.choice(
      "--purpose", words.purpose, {"bot", "develop", "one-shot"},
      "how the control plane counts this run: bot; develop, shown apart and forgotten after a day; "
      "one-shot, not at all",
      "bot, and develop on a terminal without --sidecar");
  CLI::Option* one_shot =
      table.flag("--one-shot", words.one_shot,
                 "the command is no bot and ends soon (a migration, a cron job): leave the state "
                 "directory alone, and count no instance; short for --purpose one-shot");
  if (purpose != nullptr && one_shot != nullptr) one_shot->excludes(purpose);
  table.checked(table.flag("--sidecar{optional}", words.sidecar,
                           "also start secret-sidecar, which tells when a redeploy is needed; "
                           "with =required nothing starts without it",
                           "required"),
                CLI::IsMember({"optional", "required"}));
}

void declare_general(Table& table, OptionWords& words) {
  table.group("Options");
  table.flag("-q,--quiet", words.quiet, "print no warnings");
  table.flag("-v,--verbose", words.verbose, "print each step with its time");
  table.flag("-h,--help", words.help, "print help");
  table.flag("--version", words.version, "print the version");
}

void declare_all(CLI::App& app, Table table, Action action, Options& options, OptionWords& words) {
  app.set_help_flag();
  if (action == Action::watch_credential) declare_credential(table, options);
  if (action == Action::run || looks_only(action)) {
    declare_source(table, options, words);
    declare_develop(table, options, words);
    declare_cache(table, options, words);
    declare_environment(table, options, words);
    declare_names(table, options, words);
    declare_files(table, options, words);
    declare_state(table, options, words);
  }
  declare_general(table, words);
  if (looks_only(action)) table.flag("--json", options.json, "print JSON, for programs");
}

}  // namespace

bool looks_only(Action action) {
  return action == Action::check || action == Action::list_environment;
}

void declare_options(CLI::App& app, Action action, Options& options, OptionWords& words) {
  declare_all(app, Table(app), action, options, words);
}

void declare_named_options(CLI::App& app, Action action, Options& options, OptionWords& words,
                           std::span<char* const> command_line) {
  declare_all(app, Table(app, command_line), action, options, words);
}

}  // namespace agent_secrets
