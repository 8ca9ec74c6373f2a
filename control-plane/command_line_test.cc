#include "control-plane/command_line.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "control-plane/commands/groups.h"
#include "core/help/manual.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

// The words that a shell makes of a line: quotes and $(…) only as the examples use them.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (word.ends_with('$') && c == '(') {
      quoted = true;
    } else if (word.ends_with("%F") && c == ')') {
      quoted = false;
    } else if (!quoted && (c == ' ' || c == '\n' || c == '\\')) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else if (!quoted && (c == '&' || c == '>' || c == '|')) {
      break;
    } else {
      word += c;
    }
  }
  return words;
}

// These print: their own test is core/help/help_test.cc.
bool is_help(const std::string& word) { return word == "help" || word == "completion"; }

void for_each_command(const help::Command& command,
                      const std::function<void(const help::Command&)>& visit) {
  visit(command);
  for (const help::Command& below : command.commands) for_each_command(below, visit);
}

TEST_CASE("the word of each group names what the group declares") {
  std::vector<std::string> declared;
  for (const help::Command& command : manual().command.commands) {
    if (!is_help(command.name)) declared.push_back(command.name);
  }
  std::vector<std::string> words;
  for (const Group& group : kGroups) words.emplace_back(group.word);
  CHECK(words == declared);
}

TEST_CASE("secret-control-plane takes the examples of its help") {
  ::setenv("AGENT_SECRETS_DATA_DIR", "data", 1);
  int tried = 0;
  for_each_command(manual().command, [&tried](const help::Command& command) {
    for (const help::Example& example : command.notes.examples) {
      const std::vector<std::string> words = shell_words(example.command);
      if (words.front() != "secret-control-plane" || is_help(words.at(1))) continue;
      std::vector<const char*> argv;
      for (const std::string& word : words) argv.push_back(word.c_str());
      const bool is_node = std::ranges::find(words, "--only-region") != words.end();
      if (!is_node) ::setenv("AGENT_SECRETS_MASTER_KEY_FILE", "key", 1);
      const auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data());
      ::unsetenv("AGENT_SECRETS_MASTER_KEY_FILE");
      CAPTURE(example.command);
      CHECK(std::holds_alternative<ChosenCommand>(parsed));
      ++tried;
    }
  });
  ::unsetenv("AGENT_SECRETS_DATA_DIR");
  CHECK(tried > 30);
}

TEST_CASE("every command and every option of secret-control-plane has a text") {
  for_each_command(manual().command, [](const help::Command& command) {
    CAPTURE(command.path);
    CHECK_FALSE(command.summary.empty());
    CHECK_FALSE(command.summary.ends_with('.'));
    for (const help::Option& option : command.options) CHECK_FALSE(option.text.empty());
    for (const help::Argument& argument : command.arguments) CHECK_FALSE(argument.text.empty());
  });
}

std::variant<ChosenCommand, ExitCode> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "secret-control-plane");
  words.insert(words.end(), {"--data-dir", "data", "--master-key-file", "key"});
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

bool is_refused(const std::vector<const char*>& words) {
  const auto parsed = parse(words);
  const ExitCode* exit_code = std::get_if<ExitCode>(&parsed);
  return exit_code != nullptr && *exit_code == kExitUsage;
}

// `region list` with the words, and with the two variables where they are not null.
bool is_refused_with(std::vector<const char*> words, const char* directory, const char* database) {
  words.insert(words.begin(), {"secret-control-plane", "region", "list"});
  words.insert(words.end(), {"--master-key-file", "key"});
  if (directory != nullptr) ::setenv("AGENT_SECRETS_DATA_DIR", directory, 1);
  if (database != nullptr) ::setenv("AGENT_SECRETS_DATABASE", database, 1);
  const auto parsed = parse_command_line(static_cast<int>(words.size()), words.data());
  ::unsetenv("AGENT_SECRETS_DATA_DIR");
  ::unsetenv("AGENT_SECRETS_DATABASE");
  const ExitCode* exit_code = std::get_if<ExitCode>(&parsed);
  return exit_code != nullptr && *exit_code == kExitUsage;
}

TEST_CASE(
    "a command takes a directory or a database, and the command line before the environment") {
  constexpr const char* kUrl = "postgresql:///db";
  CHECK(is_refused_with({}, nullptr, nullptr));
  CHECK(is_refused_with({"--database", ""}, nullptr, nullptr));
  CHECK_FALSE(is_refused_with({}, "data", nullptr));
  CHECK_FALSE(is_refused_with({}, nullptr, kUrl));
  CHECK(is_refused_with({}, "data", kUrl));
  CHECK(is_refused_with({"--data-dir", "data", "--database", kUrl}, nullptr, nullptr));
  CHECK_FALSE(is_refused_with({"--data-dir", "data"}, nullptr, kUrl));
  CHECK_FALSE(is_refused_with({"--database", kUrl}, "data", nullptr));
}

// Runs `serve --only-region eu-central` with more words, and with the variable set unless it is
// null.
bool is_node_refused(std::vector<const char*> words, const char* variable = nullptr) {
  words.insert(words.begin(), {"secret-control-plane", "serve", "--only-region", "eu-central"});
  if (variable != nullptr) ::setenv(variable, "eu-central=postgresql:///db", 1);
  const auto parsed = parse_command_line(static_cast<int>(words.size()), words.data());
  if (variable != nullptr) ::unsetenv(variable);
  const ExitCode* exit_code = std::get_if<ExitCode>(&parsed);
  return exit_code != nullptr && *exit_code == kExitUsage;
}

TEST_CASE("a region node takes a region's store and keys, and refuses a catalog and a master key") {
  constexpr const char* kStore = "--region-database";
  constexpr const char* kUrl = "eu-central=postgresql:///db";
  CHECK_FALSE(is_node_refused({kStore, kUrl, "--region-keys", "file"}));
  CHECK_FALSE(is_node_refused({"--data-dir", "data", "--region-keys", "file"}));
  CHECK_FALSE(is_node_refused({"--region-keys", "file"}, "AGENT_SECRETS_REGION_DATABASES"));
  CHECK_FALSE(is_node_refused({kStore, kUrl}, "AGENT_SECRETS_REGION_KEYS"));
  CHECK_FALSE(is_node_refused({"--region-keys", "file"}, "AGENT_SECRETS_DATA_DIR"));
  CHECK(is_node_refused({kStore, kUrl}));
  CHECK(is_node_refused({"--region-keys", "file"}));
  CHECK(is_node_refused({"--region-keys", "file"}, "AGENT_SECRETS_DATABASE"));
  CHECK(is_node_refused({"--region-keys", "file", "--database", "postgresql:///db"}));
  CHECK(is_node_refused({kStore, kUrl, "--data-dir", "data", "--region-keys", "file"}));
  CHECK(is_node_refused({kStore, kUrl, "--region-keys", "file", "--master-key-file", "key"}));
  CHECK(is_node_refused({kStore, kUrl, "--region-keys", "file"}, "AGENT_SECRETS_MASTER_KEY"));
  CHECK(is_node_refused({kStore, kUrl, "--region-keys", "file", "--on-deploy", "true"}));
  CHECK(is_refused({"serve", "--region-keys", "file"}));
}

TEST_CASE("an option that can be repeated takes one value each time") {
  CHECK_FALSE(
      is_refused({"credential", "issue", "--url", "https://a", "--url", "https://b", "bot"}));
  CHECK(is_refused({"credential", "issue", "bot", "--url", "https://a", "https://b"}));
}

TEST_CASE("a duration takes the units that are below its bound") {
  CHECK_FALSE(is_refused({"set", "wait", "keys", "--timeout", "24h"}));
  CHECK(is_refused({"set", "wait", "keys", "--timeout", "1d"}));
  CHECK(is_refused({"set", "wait", "keys", "--timeout", "25h"}));
  CHECK_FALSE(is_refused({"fleet", "bot", "--forget", "--older-than", "1d"}));
  CHECK(is_refused({"fleet", "bot", "--forget", "--older-than", "0s"}));
}

TEST_CASE("a rule about several options is checked after all of them were read") {
  CHECK_FALSE(is_refused({"fleet", "bot", "--forget", "host-1", "--forget", "host-2"}));
  CHECK(is_refused({"fleet", "bot", "--forget", "host-1", "--forget"}));
  CHECK(is_refused({"fleet", "bot", "--older-than", "1d", "--forget", "host-1"}));
  CHECK(is_refused({"fleet", "--forget", "host-1"}));
}

}  // namespace
}  // namespace agent_secrets::control_plane
