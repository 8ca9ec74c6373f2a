#include "core/help/answer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "core/help/completion.h"
#include "core/help/man_page.h"

namespace agent_secrets::help {
namespace {

constexpr std::string_view kCompletion = kHelpCommands.at(0);
constexpr std::string_view kHelp = kHelpCommands.at(1);
constexpr std::string_view kMan = "--man";

Command help_command(const std::string& program) {
  return {.name = std::string(kHelp),
          .path = fmt::format("{} {}", program, kHelp),
          .summary = "Explain the program or one of its commands",
          .arguments = {{.name = "COMMAND",
                         .required = false,
                         .repeatable = true,
                         .text = "the command to explain; without one, the program"}},
          .options = {{.names = {std::string(kMan)},
                       .text = "print the man page of the program instead, as mdoc(7)",
                       .group = std::string(kOtherOptions)}},
          .notes = {.usage = {},
                    .examples = {{.command = fmt::format("{0} help {1} > {0}.1", program, kMan),
                                  .text = "The man page, for man(1) or mandoc(1)"}}}};
}

Command completion_command(const std::string& program) {
  const std::string name(kCompletion);
  return {.name = name,
          .path = fmt::format("{} {}", program, name),
          .summary = "Print the completion script of a shell",
          .arguments = {{.name = "SHELL",
                         .word = std::string(kShells),
                         .required = true,
                         .repeatable = false,
                         .text = "bash, zsh or fish"}},
          .notes = {.usage = {},
                    .examples = {{.command = fmt::format("source <({} {} bash)", program, name),
                                  .text = "In ~/.bashrc"},
                                 {.command = fmt::format("source <({} {} zsh)", program, name),
                                  .text = "In ~/.zshrc, after compinit"},
                                 {.command = fmt::format("{} {} fish | source", program, name),
                                  .text = "In ~/.config/fish/config.fish"}}}};
}

// For the words behind `help`, which name a command.
std::string names_of(const Command& program) {
  std::vector<std::string> names;
  names.reserve(program.commands.size());
  for (const Command& command : program.commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, "|"));
}

}  // namespace

void add_help_commands(Command& program) {
  program.commands.push_back(completion_command(program.path));
  program.commands.push_back(help_command(program.path));
  program.commands.back().arguments.front().word = names_of(program);
}

bool is_help_command(std::string_view word) { return word == kHelp || word == kCompletion; }

Result<std::string> answer(const Program& program, std::span<const std::string> words,
                           HelpStyle style) {
  const std::string& asked = words.front();
  const std::span<const std::string> rest = words.subspan(1);
  if (std::ranges::any_of(rest,
                          [](const auto& word) { return word == "--help" || word == "-h"; })) {
    return help_text(program, **find_command(program, words.first(1)), style);
  }
  if (asked == kCompletion) {
    if (rest.size() == 1) return completion(program, rest.front());
    return fail(ErrorCode::invalid, "completion: exactly one shell is needed",
                fmt::format("write {} completion bash, zsh or fish", program.command.name));
  }
  if (rest.size() == 1 && rest.front() == kMan) return man_page(program, date_of_page());
  auto command = find_command(program, rest);
  if (!command) return propagate(command);
  return help_text(program, **command, style);
}

}  // namespace agent_secrets::help
