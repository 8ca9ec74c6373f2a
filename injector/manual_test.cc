#include "injector/manual.h"

#include <algorithm>
#include <sstream>

#include "core/help/help_text.h"
#include "injector/duration.h"
#include "tests/catch.h"

using namespace agent_secrets;

namespace {

using Strings = std::vector<std::string>;

Result<Options> parse(Strings words) {
  words.insert(words.begin(), "secret-injector");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(words.size()), argv.data());
}

// An argument that the option takes.
std::string sample(const help::Option& option) {
  const Strings words = help::words_of(option.argument);
  if (!words.empty()) return words.back();
  if (option.argument == "DURATION") return "7s";
  if (option.argument == "N") return "7";
  if (option.argument.starts_with("FROM=TO")) return "A=B";
  return option.argument.starts_with("UID") ? "1:2" : "A";
}

Strings as_typed(const help::Option& option, const std::string& name) {
  if (option.argument.empty()) return {name};
  if (option.argument_is_optional) return {name + "=" + option.argument};
  return {name, sample(option)};
}

const help::Option& option_of(const help::Program& program, const std::string& name) {
  for (const help::Option& option : program.command.options) {
    if (std::ranges::find(option.names, name) != option.names.end()) return option;
  }
  FAIL("no option " + name);
  std::abort();
}

Strings words_of_example(const std::string& command) {
  std::istringstream stream(command);
  Strings words;
  for (std::string word; stream >> word && word != ">";) words.push_back(word);
  return words;
}

const char* const kSystemPath = "/usr/bin:/bin";

}  // namespace

TEST_CASE("the parser accepts every option of the manual, for each command") {
  const help::Program program = manual();
  REQUIRE(program.command.options.size() > 20);
  std::vector<const help::Command*> commands = {&program.command};
  for (const help::Command& command : program.command.commands) commands.push_back(&command);
  for (const help::Command* command : commands) {
    if (command->name == "help" || command->name == "completion") continue;
    for (const help::Option& option : command->options) {
      for (const std::string& name : option.names) {
        Strings words = as_typed(option, name);
        if (command != &program.command) words.insert(words.begin(), command->name);
        words.emplace_back("--no-such-option");
        const auto parsed = parse(words);
        CAPTURE(command->name, name);
        if (parsed) {
          CHECK((parsed->action == Action::help || parsed->action == Action::version));
        } else {
          CHECK(parsed.error().message == "unknown option --no-such-option");
        }
      }
    }
  }
}

TEST_CASE("every option of the manual has a text") {
  const help::Program program = manual();
  for (const help::Command& command : program.command.commands) {
    CHECK_FALSE(command.summary.empty());
    for (const help::Option& option : command.options) CHECK_FALSE(option.text.empty());
  }
}

TEST_CASE("the defaults in the manual are the defaults of the program") {
  const help::Program program = manual();
  const auto bare = parse({"bot"});
  REQUIRE(bare);
  CHECK(parse_duration(option_of(program, "--timeout").fallback) == bare->timeout);
  CHECK(parse_duration(option_of(program, "--cache-max-age").fallback) == bare->cache.max_age);
  CHECK(parse_duration(option_of(program, "--cache-after").fallback) == bare->cache.serve_after);
  for (const char* name : {"--on-conflict", "--env-format", "--cache"}) {
    const std::string fallback = option_of(program, name).fallback;
    CAPTURE(name, fallback);
    const auto given = parse({"--env-file", "f", name, fallback, "bot"});
    REQUIRE(given);
    CHECK(given->environment.on_conflict == bare->environment.on_conflict);
    CHECK(given->env_format == bare->env_format);
    CHECK(given->cache.required == bare->cache.required);
  }
}

TEST_CASE("the examples of the manual are valid command lines") {
  const help::Program program = manual();
  std::vector<const help::Command*> commands = {&program.command};
  for (const help::Command& command : program.command.commands) commands.push_back(&command);
  for (const help::Command* command : commands) {
    for (const help::Example& example : command->notes.examples) {
      Strings words = words_of_example(example.command);
      if (words.front() != "secret-injector") continue;
      words.erase(words.begin());
      CAPTURE(example.command);
      CHECK(parse(words).has_value());
    }
  }
}

TEST_CASE("a word that is not an action is a command") {
  CHECK(action_of("check") == Action::check);
  CHECK(action_of("env") == Action::list_environment);
  CHECK(action_of("checks") == Action::run);
  CHECK(action_of("") == Action::run);
}

TEST_CASE("a command that PATH does not have gets a hint if it resembles an action") {
  CHECK(meant_by_command({"no-such-run", "--", "python"}, kSystemPath)->find("'no-such-run'") !=
        std::string::npos);
  CHECK(meant_by_command({"chek"}, kSystemPath) == "did you mean secret-injector check?");
  CHECK(meant_by_command({"watch-credentials"}, kSystemPath) ==
        "did you mean secret-injector watch-credential?");
  CHECK_FALSE(meant_by_command({"sh", "--", "x"}, kSystemPath));
  CHECK_FALSE(meant_by_command({"/bin/sh", "--", "x"}, nullptr));
  CHECK_FALSE(meant_by_command({"no-such-program"}, kSystemPath));
  CHECK_FALSE(meant_by_command({"keygen"}, kSystemPath));  // behind --, on purpose
  CHECK_FALSE(meant_by_command({}, kSystemPath));
}

TEST_CASE("the text for a first use shows each way to begin") {
  const std::string ways = ways_to_begin();
  for (const char* way : {"--env-file .env", "--credential-file", "AGENT_SECRETS_CREDENTIAL"}) {
    CHECK(ways.find(way) != std::string::npos);
  }
}
