#pragma once
// A program's command line as its texts explain it: --help, the man page, and the completions of
// bash, zsh and fish. Read from CLI11's own declaration of the command line (read_cli11.h), and
// only when a text is wanted, so a text cannot name an option that the parser does not have.
//
// Ownership: plain values; everything is copied.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace agent_secrets::help {

// The initializers let designated initializers leave members out under -Wextra.
// NOLINTBEGIN(readability-redundant-member-init)

// An argument word is also what a completion offers: "FILE" a file, "DIR" a directory, "keep|fail"
// one of these words, anything else nothing.
struct Option {
  std::vector<std::string> names = {};  // "-q", "--quiet"
  std::string argument = {};            // empty: the option takes none
  bool argument_is_optional = false;    // given as --name=ARGUMENT or not at all
  bool repeatable = false;
  bool required = false;
  std::string text = {};
  std::string fallback = {};  // the default; empty: none, or one that the text explains
  std::string variable = {};  // the environment variable that can be used instead; empty: none
  std::string group = {};
};

struct Argument {
  std::string name = {};
  std::string word = {};  // as Option::argument, where a completion can offer something
  bool required = false;
  bool repeatable = false;
  std::string text = {};
};

struct Row {
  std::string term;
  std::string text;
};

struct Example {
  std::string command;  // as a person types it; may have several lines
  std::string text;
};

// What CLI11 has no place for.
struct Notes {
  std::vector<std::string> usage =
      {};  // without the command's name; empty: made from the declaration
  std::vector<Example> examples = {};
  std::string text = {};  // paragraphs, an empty line between them
  std::vector<Row> variables = {};
  std::vector<Row> files = {};
  std::vector<Row> exit_codes = {};
  std::vector<Row> reading = {};  // pages of docs/
  bool runs_command = false;      // what follows the options is a command with its own arguments
};

struct Command {
  std::string name = {};     // a program's, or one word: "issue"
  std::string path = {};     // from the program on: "secret-control-plane credential issue"
  std::string summary = {};  // what it does, without a full stop
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  std::vector<Command> commands = {};
  Notes notes = {};
};

struct Program {
  Command command;
  std::string version = {};
  int man_section = 1;
  std::vector<std::string> related = {};  // man pages, "secret-sidecar(1)"
};

// NOLINTEND(readability-redundant-member-init)

// The commands that every program has besides its own (answer.h).
inline constexpr std::array<std::string_view, 2> kHelpCommands = {"completion", "help"};

// The command that these words name, as "credential", "issue". None for the program itself.
Result<const Command*> find_command(const Program& program, std::span<const std::string> words);

// "keep", "fail" of "keep|fail"; empty for an argument of another kind.
std::vector<std::string> words_of(std::string_view argument);

// One line of usage for each way to call it, from the program's name on.
std::vector<std::string> usage_lines(const Command& command);

// "--cache-dir DIR", "-q, --quiet", "--sidecar[=required]".
std::string option_term(const Option& option);

// Its text, with its default and its environment variable.
std::string full_text(const Option& option);

// What CLI11 calls the group of an option that was given none.
inline constexpr std::string_view kOtherOptions = "Options";

// The groups of its options, in the order of their first option, kOtherOptions last.
std::vector<std::string> groups_of(const Command& command);

}  // namespace agent_secrets::help
