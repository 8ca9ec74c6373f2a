#include "core/help/read_cli11.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/help/nearest.h"

namespace agent_secrets::help {
namespace {

bool takes_several(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

Option read_option(const CLI::Option& option) {
  Option read;
  for (const std::string& name : option.get_snames()) read.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) read.names.push_back("--" + name);
  read.argument = option.get_type_name();
  read.argument_is_optional = option.get_items_expected_max() == 0 && !read.argument.empty();
  read.repeatable = takes_several(option);
  read.required = option.get_required();
  read.text = option.get_description();
  read.fallback = option.get_default_str();
  read.variable = option.get_envname();
  read.group = option.get_group();
  return read;
}

Argument read_argument(const CLI::Option& option) {
  std::string name = option.get_name(true);
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return {.name = std::move(name),
          .word = option.get_type_name(),
          .required = option.get_required(),
          .repeatable = takes_several(option),
          .text = option.get_description()};
}

std::vector<std::string> command_names(const CLI::App& app) {
  const std::vector<const CLI::App*> commands = app.get_subcommands({});
  std::vector<std::string> names;
  names.reserve(commands.size() + kHelpCommands.size());
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  const bool is_program = app.get_parent() == nullptr;
  if (is_program) names.insert(names.end(), kHelpCommands.begin(), kHelpCommands.end());
  return names;
}

// The outermost command that was given a word which it does not know.
const CLI::App* where_unexpected(const CLI::App& app) {
  const CLI::App* at = &app;
  while (at->remaining().empty()) {
    const auto chosen = at->get_subcommands();
    if (chosen.empty()) return nullptr;
    at = chosen.front();
  }
  return at;
}

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

// A word behind an option may be a value that the option does not take.
bool follows_option(std::span<const std::string> words, const std::string& word) {
  const auto found = std::ranges::find(words, word);
  return found != words.begin() && found != words.end() && (found - 1)->starts_with('-');
}

std::string unexpected(const CLI::App& at, std::span<const std::string> words) {
  const std::vector<std::string> rest = at.remaining();
  const std::string& first = rest.front();
  const auto option = std::ranges::find_if(
      rest, [](const std::string& word) { return word.starts_with('-') && word.size() > 1; });
  const bool wants_command = at.get_require_subcommand_min() > 0 && at.get_subcommands().empty();
  if (wants_command && !first.starts_with('-') && !follows_option(words, first)) {
    return fmt::format("unknown command '{}'{}", first, did_you_mean(first, command_names(at)));
  }
  if (option != rest.end()) return unknown_option(*option, option_names(at), command_names(at));
  if (follows_option(words, first)) return "an argument too many follows an option";
  return fmt::format("unexpected argument '{}'", first);
}

}  // namespace

Command read_command(const CLI::App& app, const NotesOf& notes, const std::string& path) {
  Command command{.name = app.get_name(), .path = path, .summary = app.get_description()};
  if (const auto found = notes.find(&app); found != notes.end()) command.notes = found->second;
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) {
      command.options.push_back(read_option(*option));
    } else {
      command.arguments.push_back(read_argument(*option));
    }
  }
  for (const CLI::App* below : app.get_subcommands({})) {
    command.commands.push_back(read_command(*below, notes, path + " " + below->get_name()));
  }
  return command;
}

std::vector<std::string> chosen_command(const CLI::App& app) {
  std::vector<std::string> words;
  const CLI::App* at = &app;
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
    at = chosen.front();
    words.push_back(at->get_name());
  }
  return words;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

Error explain(const CLI::App& app, const CLI::ParseError& error,
              std::span<const std::string> words) {
  if (const CLI::App* at = where_unexpected(app); at != nullptr) {
    return {.code = ErrorCode::invalid,
            .message = unexpected(*at, words),
            .hint = fmt::format("see {} --help", path_of(*at))};
  }
  const CLI::App* at = &app;
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
    at = chosen.front();
  }
  const bool wants_command = at->get_require_subcommand_min() > 0;
  return {.code = ErrorCode::invalid,
          .message = wants_command ? fmt::format("a command is missing: {}",
                                                 fmt::join(command_names(*at), ", "))
                                   : std::string(error.what()),
          .hint = fmt::format("see {} --help", path_of(*at))};
}

CLI::Option* one_of(CLI::Option* option, const std::vector<std::string>& words) {
  return option->check(CLI::IsMember(words).description(""))
      ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

CLI::Option* between(CLI::Option* option, int least, int most, const std::string& type_name) {
  option->description(fmt::format("{} ({} to {})", option->get_description(), least, most));
  return option->check(CLI::Range(least, most).description(""))->type_name(type_name);
}

}  // namespace agent_secrets::help
