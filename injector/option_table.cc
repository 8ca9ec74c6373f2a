#include "injector/option_table.h"

#include <initializer_list>
#include <utility>

#include <fmt/format.h>

#include "injector/duration.h"

namespace agent_secrets {
namespace {

class Table {
 public:
  Table(CLI::App& app, OptionTexts texts) : app_(app), with_texts_(texts == OptionTexts::all) {}

  // The title above the options that follow.
  void group(const char* title) { group_ = title; }

  template <typename T>
  CLI::Option* option(const char* name, T& target, const char* argument, const char* text) {
    return explained(app_.add_option(name, target), argument, text);
  }

  template <typename T>
  CLI::Option* flag(const char* name, T& target, const char* text, const char* argument = "") {
    return explained(app_.add_flag(name, target), argument, text);
  }

  // Given once or several times; never takes the words behind its argument.
  void several(const char* name, std::vector<std::string>& target, const char* argument,
               const char* text) {
    option(name, target, argument, text)->allow_extra_args(false);
  }

  // The same, and a comma separates keys.
  void keys(const char* name, std::vector<std::string>& target, const char* text) {
    option(name, target, "KEY,...", text)->delimiter(',')->allow_extra_args(false);
  }

  // One of `words`, of which the first is the default.
  void choice(const char* name, std::string& target, std::initializer_list<const char*> words,
              const char* text) {
    CLI::Option* choice = option(name, target, "", text);
    checked(choice, CLI::IsMember(std::vector<std::string>(words.begin(), words.end())));
    if (!with_texts_) return;
    choice->type_name(fmt::format("{}", fmt::join(words, "|")));
    choice->default_str(*words.begin());
  }

  void duration(const char* name, std::string& target, std::chrono::seconds fallback,
                const char* text) {
    CLI::Option* duration = option(name, target, "DURATION", text);
    if (with_texts_) duration->default_str(format_duration(fallback));
  }

  // CLI11 would append the description of the check to what the option takes.
  void checked(CLI::Option* option, CLI::Validator check) const {
    if (with_texts_) check.description("");
    option->check(std::move(check));
  }

  // What the texts say beside the option.
  void shown(CLI::Option* option, const char* fallback, const char* variable) const {
    if (!with_texts_) return;
    option->default_str(fallback);
    option->envname(variable);
  }

 private:
  CLI::Option* explained(CLI::Option* option, const char* argument, const char* text) {
    if (!with_texts_) return option;
    return option->description(text)->type_name(argument)->group(group_);
  }

  CLI::App& app_;
  bool with_texts_;
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

void declare_state(Table& table, Options& options, OptionWords& words) {
  table.group("What else happens");
  table.shown(table.option("--state-dir", options.state_directory, "DIR",
                           "the directory of running.json, which says what runs; made if it is "
                           "missing. The default is used if it exists, and made only for a "
                           "sidecar"),
              "/run/agent-secrets, or $XDG_RUNTIME_DIR/agent-secrets for a user who may not write "
              "there",
              "AGENT_SECRETS_STATE_DIR");
  table.flag("--one-shot", words.one_shot,
             "the command is no bot and ends soon (a migration, a cron job): leave the state "
             "directory alone, and count no instance");
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

}  // namespace

bool looks_only(Action action) {
  return action == Action::check || action == Action::list_environment;
}

void declare_options(CLI::App& app, Action action, Options& options, OptionWords& words,
                     OptionTexts texts) {
  app.set_help_flag();
  Table table(app, texts);
  if (action == Action::watch_credential) declare_credential(table, options);
  if (action == Action::run || looks_only(action)) {
    declare_source(table, options, words);
    declare_cache(table, options, words);
    declare_environment(table, options, words);
    declare_state(table, options, words);
  }
  declare_general(table, words);
  if (looks_only(action)) table.flag("--json", options.json, "print JSON, for programs");
}

}  // namespace agent_secrets
