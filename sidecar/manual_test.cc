// The help of the sidecar, held to its parser.

#include "core/help/manual.h"

#include <sstream>
#include <string>
#include <vector>

#include "sidecar/options.h"
#include "tests/catch.h"

namespace agent_secrets::sidecar {
namespace {

TEST_CASE("the sidecar takes the examples of its help") {
  const help::Program program = manual();
  std::vector<const help::Command*> commands = {&program.command};
  for (const help::Command& command : program.command.commands) commands.push_back(&command);
  int tried = 0;
  for (const help::Command* command : commands) {
    for (const help::Example& example : command->notes.examples) {
      std::istringstream stream(example.command.substr(0, example.command.find_first_of(";>|")));
      std::vector<std::string> words;
      for (std::string word; stream >> word;) words.push_back(word);
      if (words.front() != "secret-sidecar") continue;
      std::vector<const char*> argv;
      for (const std::string& word : words) argv.push_back(word.c_str());
      CAPTURE(example.command);
      CHECK(parse_options(static_cast<int>(argv.size()), argv.data()).has_value());
      ++tried;
    }
  }
  CHECK(tried > 5);
}

TEST_CASE("each option of run can come from the variable that its help names") {
  const help::Program program = manual();
  for (const help::Option& option : program.command.commands.front().options) {
    CAPTURE(option.names.back());
    CHECK_FALSE(option.text.empty());
    const bool is_variable = !option.variable.empty();
    const bool is_none = option.names.back() == "--help" || option.names.back() == "--ready-fd";
    CHECK(is_variable != is_none);
  }
}

TEST_CASE("the defaults of the help are those of run") {
  const help::Program program = manual();
  const RunOptions defaults;
  const auto fallback = [&program](const std::string& name) {
    for (const help::Option& option : program.command.commands.front().options) {
      if (option.names.back() == name) return option.fallback;
    }
    return std::string("no such option");
  };
  CHECK(fallback("--poll-wait") == std::to_string(defaults.poll_wait.count()));
  CHECK(fallback("--on-change-timeout") == std::to_string(defaults.on_change_timeout.count()));
  CHECK(fallback("--unready-when") == "never");
  CHECK(defaults.unready_when == UnreadyWhen::never);
}

}  // namespace
}  // namespace agent_secrets::sidecar
