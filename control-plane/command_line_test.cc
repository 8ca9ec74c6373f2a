#include "control-plane/command_line.h"

#include <cstdlib>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "core/help/manual.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {
namespace {

// The words that a shell makes of a line: quotes only as the examples use them.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ' ' || c == '\n' || c == '\\')) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else if (!quoted && (c == '&' || c == '>')) {
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

TEST_CASE("secret-control-plane takes the examples of its help") {
  ::setenv("AGENT_SECRETS_DATA_DIR", "data", 1);
  ::setenv("AGENT_SECRETS_MASTER_KEY_FILE", "key", 1);
  int tried = 0;
  for_each_command(manual().command, [&tried](const help::Command& command) {
    for (const help::Example& example : command.notes.examples) {
      const std::vector<std::string> words = shell_words(example.command);
      if (words.front() != "secret-control-plane" || is_help(words.at(1))) continue;
      std::vector<const char*> argv;
      for (const std::string& word : words) argv.push_back(word.c_str());
      const auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data());
      CAPTURE(example.command);
      CHECK(std::holds_alternative<ChosenCommand>(parsed));
      ++tried;
    }
  });
  ::unsetenv("AGENT_SECRETS_DATA_DIR");
  ::unsetenv("AGENT_SECRETS_MASTER_KEY_FILE");
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

}  // namespace
}  // namespace agent_secrets::control_plane
