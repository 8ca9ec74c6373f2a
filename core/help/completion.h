#pragma once
// The scripts with which bash, zsh and fish complete a program's command line. They are static:
// completing starts no program and puts no typed word on another command line.
//
// A script first finds out which command the words before the cursor belong to, for example
// "credential issue". It then offers the commands below that one, its options, and for the value
// of an option files, directories or words. Behind a program that runs a command (Notes), it leaves
// the rest of the line to the shell's completion of that command.

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/help/manual.h"

namespace agent_secrets::help {

std::string bash_completion(const Program& program);
std::string zsh_completion(const Program& program);
std::string fish_completion(const Program& program);

inline constexpr std::string_view kShells = "bash|zsh|fish";

// ErrorCode::invalid for another shell.
Result<std::string> completion(const Program& program, std::string_view shell);

// For the scripts: each command of the program, itself first, with the words that lead to it
// ("credential issue"; "" for the program).
struct Place {
  std::string words;
  const Command* command;
};
std::vector<Place> places_of(const Program& program);

// The first sentence or clause of a text, without a full stop: what fits beside a word.
std::string short_text(std::string_view text);

// "secret_injector", as a part of the name of a shell's function.
std::string function_name(const Program& program);

}  // namespace agent_secrets::help
