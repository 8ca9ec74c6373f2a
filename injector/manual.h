#pragma once
// What --help, the man page and the completions of secret-injector say, and what a wrong command
// line is told. Nothing here is called by a start that succeeds.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/help/manual.h"
#include "injector/options.h"

namespace agent_secrets {

// Action::run for a word that is none of the program's own.
Action action_of(std::string_view word);

// Those words, with `help` and `completion`.
std::vector<std::string> action_names();

help::Program manual();

// How to begin, for a person who typed the program's name and nothing else.
std::string ways_to_begin();

// What was meant by a command that is not to be found, as a hint: "secret-injector run -- bot" and
// "secret-injector chek". None for a command that PATH has, or that resembles nothing.
std::optional<std::string> meant_by_command(const std::vector<std::string>& command,
                                            const char* search_path);

}  // namespace agent_secrets
