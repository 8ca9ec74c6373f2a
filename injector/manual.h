#pragma once
// The texts of --help, the man page and the completions of secret-injector, and the hints for a
// wrong command line. A start that succeeds calls nothing of this file.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/help/manual.h"
#include "injector/options.h"

namespace agent_secrets {

// Action::run for a word that is not an action of the program.
Action action_of(std::string_view word);

// Those words, with `help` and `completion`.
std::vector<std::string> action_names();

help::Program manual();

// How to begin, for a person who typed the program's name and nothing else.
std::string ways_to_begin();

// The hint for a command that was not found, if an action was probably meant:
// "secret-injector run -- bot", "secret-injector chek". Absent for a command that PATH has, and for
// a word that is not similar to an action.
std::optional<std::string> meant_by_command(const std::vector<std::string>& command,
                                            const char* search_path);

}  // namespace agent_secrets
