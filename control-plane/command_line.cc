#include "control-plane/command_line.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "control-plane/commands/groups.h"
#include "core/error.h"
#include "core/help/command_line.h"

namespace agent_secrets::control_plane {
namespace {

constexpr const char* kProgram = "secret-control-plane";

help::Notes notes_of_program() {
  return {
      .examples =
          {{"secret-control-plane init --data-dir data --master-key-file master.key "
            "--organization acme",
            "First steps: create the data, and a token"},
           {"secret-control-plane serve --data-dir data --master-key-file master.key &", "Serve"},
           {". ./agent-secrets.env", "Let the official CLI use this server"},
           {"pipecat cloud secrets set my-bot-secrets OPENAI_API_KEY=... --skip", "Write a set"},
           {"secret-control-plane set wait my-bot-secrets --data-dir data --master-key-file "
            "master.key",
            "Wait until it can be deployed"},
           {"pipecat cloud deploy my-bot my-image:1 --secrets my-bot-secrets --yes", "Deploy"},
           {"secret-control-plane credential issue my-bot --output my-bot.credential \\\n"
            "      --data-dir data --master-key-file master.key",
            "Make what the bot's container needs"}},
      .text =
          "Self-hosted secret sets for Pipecat agents, behind the API of the official "
          "`pipecat cloud` CLI.\n\n"
          "serve runs until SIGTERM. The other commands work on the same data, whether serve runs "
          "or not. Only move and restore need every server to be stopped.",
      .variables = {{"AGENT_SECRETS_DATA_DIR",
                     "The directory, if neither --data-dir nor --database is given"},
                    {"AGENT_SECRETS_DATABASE",
                     "The URL of the database, if neither --data-dir nor --database is given; may "
                     "contain a password"},
                    {"AGENT_SECRETS_REGION_DATABASES",
                     "CODE=URL of each region with a database of its own, separated by spaces, if "
                     "--region-database is not given; may contain passwords"},
                    {"AGENT_SECRETS_MOVE_TO",
                     "The URL of the database to which move copies, if --to is not given; may "
                     "contain a password"},
                    {"PGPASSFILE", "A file with the password of the database (~/.pgpass)"},
                    {"PGPASSWORD", "The password of the database itself"},
                    {"AGENT_SECRETS_MASTER_KEY_FILE", "The default of --master-key-file"},
                    {"AGENT_SECRETS_MASTER_KEY",
                     "The master key itself, base64url, where there is no file of it"},
                    {"AGENT_SECRETS_REGION_KEYS",
                     "The keys of the region themselves, if --region-keys is not given"},
                    {"AGENT_SECRETS_LOG", "text: log for people; without it, serve logs JSON"}},
      .files = {{"DATA/catalog.db", "What organizations define; values encrypted"},
                {"DATA/region-CODE.db", "What a region serves; values encrypted"}},
      .exit_codes = {{fmt::to_string(static_cast<int>(kExitOk)), "Done"},
                     {fmt::to_string(static_cast<int>(kExitFailed)), "Failed"},
                     {fmt::to_string(static_cast<int>(kExitUsage)),
                      "The command line makes no sense"},
                     {"other", "set wait has more; see its help"}},
      .reading = {{"docs/OPERATIONS.md", "Running a control plane"},
                  {"docs/compatibility.md", "What each command of the official CLI does here"},
                  {"docs/fleet.md", "Which instances run what, and what is safe to revoke"}}};
}

// Parses once: what was chosen stays in it.
class Parser {
 public:
  // If the first argument names a group, only that group is declared: to declare all takes half of
  // the time of a start.
  explicit Parser(std::string_view first_argument = "")
      : line_({.name = kProgram,
               .summary = "serve secret sets to agents, behind the API of the official CLI",
               .version = AGENT_SECRETS_VERSION,
               .man_section = 8,
               .related = {"secret-injector(1)", "secret-sidecar(1)"}}) {
    line_.explain(&line_.app(), notes_of_program());
    const Declarations declare(line_, chosen_);
    const auto named = std::ranges::find(kGroups, first_argument, &Group::word);
    const bool only_named = named != kGroups.end();
    if (only_named) named->declare(declare);
    for (const Group& group : kGroups) {
      if (!only_named) group.declare(declare);
    }
  }

  help::CommandLine& line() { return line_; }
  ChosenCommand& chosen() { return chosen_; }

 private:
  help::CommandLine line_;
  ChosenCommand chosen_;
};

}  // namespace

std::variant<ChosenCommand, ExitCode> parse_command_line(int argc, const char* const* argv) {
  Parser parser(argc > 1 ? argv[1] : "");
  const auto text = parser.line().parse(argc, argv);
  if (!text) {
    (void)std::fputs(describe(kProgram, text.error()).c_str(), stderr);
    return kExitUsage;
  }
  if (*text) return std::fputs((*text)->c_str(), stdout) < 0 ? kExitFailed : kExitOk;
  AGENT_SECRETS_ASSERT(parser.chosen());
  return std::move(parser.chosen());
}

help::Program manual() { return Parser().line().manual(); }

}  // namespace agent_secrets::control_plane
