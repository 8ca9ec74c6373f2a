#pragma once
// Runs a command of secret-control-plane as the command line names it, in the process of the test.

#include <string>
#include <variant>
#include <vector>

#include "control-plane/command_line.h"
#include "tests/catch.h"

namespace agent_secrets::control_plane {

// `words` are the command line without the program's name, such as {"token", "list"}.
inline Result<ExitCode> run_command(std::vector<std::string> words, Clock& clock) {
  words.insert(words.begin(), "secret-control-plane");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  const auto parsed = parse_command_line(static_cast<int>(argv.size()), argv.data());
  REQUIRE(std::holds_alternative<ChosenCommand>(parsed));
  return std::get<ChosenCommand>(parsed)(clock);
}

}  // namespace agent_secrets::control_plane
