#include "core/help/completion.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/help/nearest.h"

namespace agent_secrets::help {
namespace {

void add_places(const Command& command, std::size_t program_length, std::vector<Place>& places) {
  const bool is_program = command.path.size() == program_length;
  places.push_back(
      {.words = is_program ? "" : command.path.substr(program_length + 1), .command = &command});
  for (const Command& below : command.commands) add_places(below, program_length, places);
}

}  // namespace

Result<std::string> completion(const Program& program, std::string_view shell) {
  if (shell == "bash") return bash_completion(program);
  if (shell == "zsh") return zsh_completion(program);
  if (shell == "fish") return fish_completion(program);
  return fail(ErrorCode::invalid,
              fmt::format("there is no completion for '{}'{}", shell,
                          did_you_mean(shell, words_of(kShells))),
              fmt::format("write {} completion bash, zsh or fish", program.command.name));
}

std::vector<Place> places_of(const Program& program) {
  std::vector<Place> places;
  add_places(program.command, program.command.path.size(), places);
  return places;
}

std::string short_text(std::string_view text) {
  const std::size_t end = std::min(text.find(". "), text.find("; "));
  return std::string(text.substr(0, end));
}

std::string function_name(const Program& program) {
  std::string name = program.command.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace agent_secrets::help
