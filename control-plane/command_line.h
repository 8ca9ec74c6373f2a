#pragma once
// The command line of secret-control-plane: all groups of commands (commands/groups.h), and the
// help of the program.

#include <variant>

#include "control-plane/commands/declarations.h"
#include "control-plane/options.h"
#include "core/help/manual.h"

namespace agent_secrets::control_plane {

// A command to run, or the exit code when there is nothing to run: help was printed, or what is
// wrong with the command line.
std::variant<ChosenCommand, ExitCode> parse_command_line(int argc, const char* const* argv);

// What --help, the man page and the completions are made from.
help::Program manual();

}  // namespace agent_secrets::control_plane
