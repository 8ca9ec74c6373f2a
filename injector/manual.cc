#include "injector/manual.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "core/help/answer.h"
#include "core/help/nearest.h"
#include "core/help/read_cli11.h"
#include "injector/command_search.h"
#include "injector/exec.h"
#include "injector/option_table.h"

namespace agent_secrets {
namespace {

struct ActionName {
  std::string_view name;
  Action action;
  const char* summary;
};

// For CLI11 the actions are plain words: a command with the name of an action, after `--`, stays a
// command.
constexpr std::array<ActionName, 4> kActions = {{
    {"check", Action::check, "Do all of a start but the command, and print what is wrong"},
    {"env", Action::list_environment, "Print the variables that a command gets, without values"},
    {"keygen", Action::keygen, "Make a key whose secret half never leaves this machine"},
    {"watch-credential", Action::watch_credential,
     "Print the credential of a sidecar in its own container"},
}};

std::vector<help::Row> exit_codes_of_start() {
  return {{"the command's", "It was started"},
          {fmt::to_string(kExitInjectorFailed),
           "secret-injector failed, or its command line makes no sense; nothing was started"},
          {fmt::to_string(kExitNotExecutable), "The command cannot be executed"},
          {fmt::to_string(kExitNotFound), "The command was not found"},
          {"128+n", "Signal n came before the command was started"}};
}

help::Notes notes_of_program() {
  return {
      .usage = {"[OPTIONS] [--] COMMAND [ARGUMENTS...]", "check [OPTIONS] [-- COMMAND...]",
                "env [OPTIONS]", "keygen FILE", "watch-credential [--credential-file FILE]"},
      .examples =
          {{"secret-injector --env-file .env -- python bot.py",
            "On a laptop, without a control plane"},
           {"secret-injector --agent my-bot -- python bot.py",
            "On a laptop, with the values of the agent and the login of the official CLI"},
           {"secret-injector --credential-file my-bot.credential -- python bot.py",
            "With the secrets of an agent"},
           {"secret-injector --cache-dir /var/cache/agent-secrets --sidecar -- python bot.py",
            "In a container, where the credential is in the environment"},
           {"secret-injector check -- python bot.py", "Find out why it does not start"},
           {"secret-injector check --agent my-bot -- python bot.py",
            "The same on a laptop, with the login of the official CLI"},
           {"secret-injector env", "Print the variables, and where they come from"}},
      .text =
          "Fetches this agent's secrets, puts them into the environment, and becomes the "
          "command: same process, same arguments, same working directory. Nothing of "
          "secret-injector stays behind.\n\n"
          "Another program with the name of a command below goes behind --, as in "
          "secret-injector -- env.\n\n"
          "A DURATION is a number and a unit: 90s, 30m, 24h, 7d.",
      .variables = {{"AGENT_SECRETS_CREDENTIAL",
                     "The credential itself, where there is no file of it; the command does not "
                     "get it"},
                    {"AGENT_SECRETS_CREDENTIAL_FILE", "The default of --credential-file"},
                    {"PIPECAT_API_HOST, PIPECAT_TOKEN, PIPECAT_ORG, PIPECAT_CONFIG_PATH",
                     "With --agent: as the official CLI takes them; the command does not get "
                     "PIPECAT_TOKEN"},
                    {"AGENT_SECRETS_STATE_DIR", "The default of --state-dir"},
                    {"AGENT_SECRETS_LOG",
                     "json: print JSON lines; text: put the time before each line; debug: as -v"},
                    {"https_proxy, no_proxy", "Proxies, as curl takes them"},
                    {"NO_COLOR", "Print no colours"}},
      .files = {{"/run/agent-secrets/running.json", "What runs: names and versions, no values"}},
      .exit_codes = exit_codes_of_start(),
      .reading = {{"docs/injector.md", "What happens in which order, and what is opened"},
                  {"docs/failures.md", "Each way in which a start can fail, with its message"},
                  {"docs/reserved-names.md", "What a set should not name a key"},
                  {"docs/deploy/README.md", "How a credential gets into a container"}},
      .runs_command = true};
}

help::Notes notes_of_check() {
  return {.usage = {"[OPTIONS] [-- COMMAND [ARGUMENTS...]]"},
          .examples = {{"secret-injector check -- python bot.py",
                        "Each step with its time, then what to do"},
                       {"secret-injector check --env-file .env -- python bot.py",
                        "The same for an env file"},
                       {"secret-injector check --json", "For programs"}},
          .text = "Takes the options of a start, and writes nothing.",
          .exit_codes = {{"0", "All is well"},
                         {"1", "There are warnings"},
                         {"3", "The control plane cannot be reached"},
                         {"4", "The control plane refuses the credential"},
                         {"5", "There is nothing to run yet: no deployment"},
                         {"6", "The bundle cannot be used"},
                         {"125, 126, 127", "As a start would exit"}},
          .reading = {{"docs/injector.md", "The doctor"}},
          .runs_command = true};
}

help::Notes notes_of(Action action) {
  switch (action) {
    case Action::check:
      return notes_of_check();
    case Action::list_environment:
      return {.examples = {{"secret-injector env", "What the command would get"},
                           {"secret-injector env --env-file .env --only OPENAI_API_KEY",
                            "What it would get of a file"}},
              .text =
                  "Takes the options of a start, and writes nothing. Prints a table on a "
                  "terminal, and tab-separated values in a pipe."};
    case Action::keygen:
      return {.usage = {"FILE"},
              .examples = {{"secret-injector keygen bot.seed > bot.public",
                            "Register bot.public with secret-control-plane credential register"}},
              .text =
                  "Writes a new secret to FILE, mode 0600, and prints its public half. An "
                  "existing file is never overwritten.",
              .reading = {{"docs/injector.md", "Bring your own key"}}};
    case Action::watch_credential:
      return {.examples = {{"secret-injector watch-credential --credential-file "
                            "my-bot.credential > watch.credential",
                            "For secret-sidecar run --credential-file watch.credential"}},
              .text = "The printed credential can ask for versions, and cannot open a bundle."};
    default:
      return notes_of_program();
  }
}

bool is_in_path(const std::string& command, const char* search_path) {
  return std::ranges::any_of(command_candidates(command, search_path), [](const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
  });
}

}  // namespace

Action action_of(std::string_view word) {
  const auto found = std::ranges::find(kActions, word, &ActionName::name);
  return found == kActions.end() ? Action::run : found->action;
}

std::vector<std::string> action_names() {
  std::vector<std::string> names(help::kHelpCommands.begin(), help::kHelpCommands.end());
  for (const ActionName& action : kActions) names.emplace_back(action.name);
  return names;
}

help::Program manual() {
  Options options;
  OptionWords words;
  help::NotesOf notes;
  CLI::App app("give a command the secrets of an agent, as environment variables",
               "secret-injector");
  declare_options(app, Action::run, options, words);
  notes[&app] = notes_of(Action::run);
  for (const ActionName& action : kActions) {
    CLI::App* below = app.add_subcommand(std::string(action.name), action.summary);
    declare_options(*below, action.action, options, words);
    notes[below] = notes_of(action.action);
    if (action.action != Action::keygen) continue;
    below->add_option("file", options.seed_path, "the new file")->type_name("FILE")->required();
  }
  help::Program program{.command = help::read_command(app, notes, app.get_name()),
                        .version = AGENT_SECRETS_VERSION,
                        .man_section = 1,
                        .related = {"secret-sidecar(1)", "secret-control-plane(8)"}};
  help::add_help_commands(program.command);
  return program;
}

std::string ways_to_begin() {
  return R"(secret-injector starts a program with the secrets of an agent in its environment.
There are three ways to begin:

  1. With an env file, without a control plane:
       secret-injector --env-file .env -- python bot.py

  2. With an agent's credential in a file, which the control plane's operator makes
     (secret-control-plane credential issue my-bot --output my-bot.credential):
       secret-injector --credential-file my-bot.credential -- python bot.py

  3. In a container, with the credential in the variable AGENT_SECRETS_CREDENTIAL:
       secret-injector -- python bot.py

secret-injector check -- python bot.py    tries all but the last step
secret-injector --help                    explains the options
)";
}

std::optional<std::string> meant_by_command(const std::vector<std::string>& command,
                                            const char* search_path) {
  if (command.empty()) return std::nullopt;
  const std::string& word = command.front();
  if (word.find('/') != std::string::npos || is_in_path(word, search_path)) return std::nullopt;
  if (command.size() > 1 && command[1] == "--") {
    return fmt::format(
        "'{}' is not a command of secret-injector: write your program behind --, as in "
        "secret-injector -- python bot.py",
        word);
  }
  const auto meant = help::nearest(word, action_names());
  if (!meant || *meant == word) return std::nullopt;  // the same word was given after --
  return fmt::format("did you mean secret-injector {}?", *meant);
}

}  // namespace agent_secrets
