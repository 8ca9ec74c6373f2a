#pragma once
// The manual of a command line that is declared with CLI11, and the errors of such a command line.
//
// What an option takes is its type name ("FILE", "DIR", "keep|fail"; manual.h). CLI11 appends the
// description of a check to that: an option with a check gets its type name from one_of() or
// between() here, or a check with an empty description.

#include <map>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "core/help/manual.h"

namespace agent_secrets::help {

using NotesOf = std::map<const CLI::App*, Notes>;

// `path` is the name of the program.
Command read_command(const CLI::App& app, const NotesOf& notes, const std::string& path);

// The words of the subcommands that were given, of the program `app`.
std::vector<std::string> chosen_command(const CLI::App& app);

// The names of its options, as they are typed.
std::vector<std::string> option_names(const CLI::App& app);

// What is wrong with a command line that has subcommands. Names a word that CLI11 did not expect
// only where it cannot be the value of an option. `words` is the command line without the program.
Error explain(const CLI::App& app, const CLI::ParseError& error,
              std::span<const std::string> words);

// The option takes one of these words.
CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words);

// The option takes a number in these bounds, which its help says.
CLI::Option* between(CLI::Option* option, int least, int most, const std::string& type_name);

}  // namespace agent_secrets::help
