#include "core/help/manual.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/help/nearest.h"

namespace agent_secrets::help {
namespace {

std::string argument_term(const Argument& argument) {
  return fmt::format("{}{}{}{}", argument.required ? "" : "[", argument.name,
                     argument.repeatable ? "..." : "", argument.required ? "" : "]");
}

}  // namespace

Result<const Command*> find_command(const Program& program, std::span<const std::string> words) {
  const Command* at = &program.command;
  for (const std::string& word : words) {
    const auto found = std::ranges::find(at->commands, word, &Command::name);
    if (found == at->commands.end()) {
      std::vector<std::string> names;
      names.reserve(at->commands.size());
      for (const Command& command : at->commands) names.push_back(command.name);
      return fail(ErrorCode::invalid,
                  fmt::format("unknown command '{}'{}", word, did_you_mean(word, names)),
                  fmt::format("see {} --help", at->path));
    }
    at = &*found;
  }
  return at;
}

std::vector<std::string> words_of(std::string_view argument) {
  std::vector<std::string> words;
  if (argument.find('|') == std::string_view::npos) return words;
  while (true) {
    const std::size_t end = argument.find('|');
    words.emplace_back(argument.substr(0, end));
    if (end == std::string_view::npos) return words;
    argument.remove_prefix(end + 1);
  }
}

std::vector<std::string> usage_lines(const Command& command) {
  std::vector<std::string> lines;
  lines.reserve(command.notes.usage.size());
  for (const std::string& usage : command.notes.usage) lines.push_back(command.path + " " + usage);
  if (!lines.empty()) return lines;
  std::string line = command.path;
  for (const Option& option : command.options) {
    if (option.required && option.variable.empty()) line += " " + option_term(option);
  }
  line += " [OPTIONS]";
  for (const Argument& argument : command.arguments) line += " " + argument_term(argument);
  if (!command.commands.empty()) line += " COMMAND";
  return {line};
}

std::string option_term(const Option& option) {
  std::string term = fmt::format("{}", fmt::join(option.names, ", "));
  if (option.argument.empty()) return term;
  if (option.argument_is_optional) return fmt::format("{}[={}]", term, option.argument);
  return fmt::format("{} {}", term, option.argument);
}

std::string full_text(const Option& option) {
  std::string text = option.text;
  if (option.required) text += " (required)";
  if (option.repeatable) text += " (repeatable)";
  if (!option.fallback.empty()) text += fmt::format(" [default: {}]", option.fallback);
  if (!option.variable.empty()) text += fmt::format(" [${}]", option.variable);
  return text;
}

std::vector<std::string> groups_of(const Command& command) {
  std::vector<std::string> groups;
  for (const Option& option : command.options) {
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  }
  const auto other = std::ranges::find(groups, kOtherOptions);
  if (other != groups.end()) std::rotate(other, other + 1, groups.end());
  return groups;
}

}  // namespace agent_secrets::help
