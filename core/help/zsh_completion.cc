// The script for zsh: one function for each command, which is one call of _arguments.

#include <fmt/format.h>

#include "core/help/completion.h"

namespace agent_secrets::help {
namespace {

constexpr std::string_view kFunction = R"zsh(
_{function}() {{
  local curcontext="$curcontext" context state state_descr line ret=1
  local -a described
  typeset -A opt_args
  _arguments -s -S -C : \
{specifications}    && ret=0
{states}  return ret
}}
)zsh";

constexpr std::string_view kStates = R"zsh(  case $state in
    word)
      described=(
{commands}      )
      _describe -t commands command described && ret=0
{names}      ;;
    rest)
      case $words[1] in
{calls}      esac
      ;;
  esac
)zsh";

std::string function_of(const Program& program, const std::string& words) {
  std::string name = program.command.name;
  for (const char c : " " + words) {
    if (!words.empty()) name += c == ' ' ? '_' : c;
  }
  return name;
}

// Within single quotes, in an explanation of _arguments or _describe.
std::string explained(std::string_view text) {
  std::string to;
  for (const char c : text) {
    if (c == '\'') {
      to += "'\\'";
    } else if (c == '\\' || c == '[' || c == ']' || c == ':') {
      to += '\\';
    }
    to += c;
  }
  return to;
}

std::string action_of(std::string_view argument) {
  if (argument == "FILE") return "_files";
  if (argument == "DIR") return "_files -/";
  const std::vector<std::string> words = words_of(argument);
  return words.empty() ? " " : fmt::format("({})", fmt::join(words, " "));
}

std::string option_specifications(const Option& option) {
  std::string specifications;
  for (const std::string& name : option.names) {
    std::string one = option.repeatable ? "*" : "";
    if (!option.repeatable) one = fmt::format("({})", fmt::join(option.names, " "));
    one += name;
    if (option.argument_is_optional) one += "=-";
    if (!option.argument.empty() && !option.argument_is_optional) {
      one += name.starts_with("--") ? "=" : "+";
    }
    one += fmt::format("[{}]", explained(short_text(option.text)));
    if (option.argument_is_optional) {
      one += fmt::format("::{0}:({0})", option.argument);
    } else if (!option.argument.empty()) {
      one += fmt::format(":{}:{}", explained(option.argument), action_of(option.argument));
    }
    specifications += fmt::format("    '{}' \\\n", one);
  }
  return specifications;
}

std::string argument_specifications(const Command& command) {
  if (!command.commands.empty()) return "    '1: :->word' \\\n    '*:: :->rest' \\\n";
  if (command.notes.runs_command) return "    '*:::command:_normal' \\\n";
  std::string specifications;
  for (const Argument& argument : command.arguments) {
    // "()" offers nothing. The other way to say that, " ", shows a message, which keeps the options
    // from being completed.
    const std::string action = action_of(argument.word);
    specifications += fmt::format("    '{}:{}:{}' \\\n", argument.repeatable ? "*" : "",
                                  explained(argument.name), action == " " ? "()" : action);
  }
  return specifications;
}

std::string states_of(const Program& program, const Place& place) {
  const Command& command = *place.command;
  if (command.commands.empty()) return "";
  std::string commands;
  std::string calls;
  for (const Command& below : command.commands) {
    const std::string words = place.words.empty() ? below.name : place.words + " " + below.name;
    commands += fmt::format("        '{}:{}'\n", below.name, explained(below.summary));
    calls += fmt::format("        {}) _{} && ret=0 ;;\n", below.name, function_of(program, words));
  }
  const bool runs = command.notes.runs_command;
  if (runs) calls += "        *) _normal && ret=0 ;;\n";
  return fmt::format(kStates, fmt::arg("commands", commands), fmt::arg("calls", calls),
                     fmt::arg("names", runs ? "      _command_names -e && ret=0\n" : ""));
}

}  // namespace

std::string zsh_completion(const Program& program) {
  const std::string& name = program.command.name;
  std::string script =
      fmt::format("#compdef {0}\n# zsh completion for {0}, made by: {0} completion zsh\n", name);
  for (const Place& place : places_of(program)) {
    std::string specifications;
    for (const Option& option : place.command->options) {
      specifications += option_specifications(option);
    }
    specifications += argument_specifications(*place.command);
    script += fmt::format(kFunction, fmt::arg("function", function_of(program, place.words)),
                          fmt::arg("specifications", specifications),
                          fmt::arg("states", states_of(program, place)));
  }
  // Read by compinit from a directory of $fpath, or sourced.
  script += fmt::format(
      "\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n  _{0} \"$@\"\nelse\n"
      "  compdef _{0} {0}\nfi\n",
      name);
  return script;
}

}  // namespace agent_secrets::help
