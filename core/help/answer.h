#pragma once
// The commands `help` and `completion`, which every program has.

#include <optional>
#include <span>
#include <string>

#include "core/error.h"
#include "core/help/help_text.h"
#include "core/help/manual.h"

namespace agent_secrets::help {

// Puts both into the manual, after the program's own commands.
void add_help_commands(Command& program);

bool is_help_command(std::string_view word);

// The text that the command line `words` asks for: "help", "help credential issue", "help --man",
// "completion bash". The first word is_help_command().
Result<std::string> answer(const Program& program, std::span<const std::string> words,
                           HelpStyle style);

}  // namespace agent_secrets::help
