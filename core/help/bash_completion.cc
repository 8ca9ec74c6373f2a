// The script for bash: a table of the commands, and code that is the same for every program.

#include <fmt/format.h>

#include "core/help/completion.h"

namespace agent_secrets::help {
namespace {

// PROGRAM and FUNCTION are replaced; TABLE by a `case` that sets `commands`, `options` ("--quiet",
// "--cache-dir=DIR", "--sidecar[=required]"), `argument` (its kind) and `runs`.
constexpr std::string_view kScript =
    R"bash(# bash completion for PROGRAM, made by: PROGRAM completion bash

_FUNCTION_describe() {
  commands='' options='' argument='' runs=''
  case $1 in
TABLE  esac
}

# What the value of the option $1 is, if it has to have one.
_FUNCTION_takes() {
  local option
  takes=''
  for option in $options; do
    if [[ $option == "$1="* ]]; then takes=${option#*=}; fi
  done
}

# The value of an option or an argument of the kind $1, of which $current is there.
_FUNCTION_value() {
  case $1 in
    FILE) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    DIR) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *'|'*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$current") ;;
  esac
}

# The value behind the '=' of $current: all of it was one word, but for bash three.
_FUNCTION_assigned() {
  local option name=${current%%=*}
  current=${current#*=}
  for option in $options; do
    case $option in
      "$name="*) _FUNCTION_value "${option#*=}" ;;
      "$name[="*) option=${option#*=} && _FUNCTION_value "${option%]}|" ;;
    esac
  done
}

# The command that PROGRAM runs begins with the word of number $1.
_FUNCTION_run() {
  if declare -F _command_offset > /dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  else
    compopt -o default
  fi
}

_FUNCTION() {
  local at='' takes='' commands options argument runs current i
  local -a typed=() numbers=() names=()
  COMPREPLY=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    if ((i > 1)) && [[ ${COMP_WORDS[i]} == '=' || ${COMP_WORDS[i - 1]} == '=' ]]; then
      typed[-1]+=${COMP_WORDS[i]}
    else
      typed+=("${COMP_WORDS[i]}") numbers+=("$i")
    fi
  done
  current=${typed[-1]}

  _FUNCTION_describe ''
  for ((i = 1; i < ${#typed[@]} - 1; i++)); do
    if [[ -n $takes ]]; then
      takes=''
    elif [[ ${typed[i]} == -- && -n $runs ]]; then
      _FUNCTION_run "${numbers[i + 1]}"
      return
    elif [[ ${typed[i]} == -* ]]; then
      _FUNCTION_takes "${typed[i]}"
    elif [[ " $commands " == *" ${typed[i]} "* ]]; then
      at=${at:+$at }${typed[i]}
      _FUNCTION_describe "$at"
    elif [[ -n $runs && -z $at ]]; then
      _FUNCTION_run "${numbers[i]}"
      return
    fi
  done

  if [[ -n $takes ]]; then
    _FUNCTION_value "$takes"
  elif [[ $current == --*=* ]]; then
    _FUNCTION_assigned
  elif [[ $current == -* ]]; then
    for i in $options; do names+=("${i%%[[=]*}"); done
    mapfile -t COMPREPLY < <(compgen -W "${names[*]}" -- "$current")
  else
    _FUNCTION_value "$argument"
    if [[ -n $commands ]]; then mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current"); fi
    if [[ -n $runs && -z $at && -n $current ]]; then
      mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$current")
    fi
  fi
}
complete -F _FUNCTION PROGRAM
)bash";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
    at += with.size();
  }
  return text;
}

// A word of the table's list of options.
std::string entry_of(const Option& option, const std::string& name) {
  if (option.argument.empty()) return name;
  std::string takes = option.argument;
  const bool offers = takes == "FILE" || takes == "DIR" || takes.find('|') != std::string::npos;
  if (option.argument_is_optional) return fmt::format("{}[={}]", name, takes);
  return fmt::format("{}={}", name, offers ? takes : "ANY");
}

std::string table_row(const Place& place) {
  std::vector<std::string> commands;
  commands.reserve(place.command->commands.size());
  for (const Command& below : place.command->commands) commands.push_back(below.name);
  std::vector<std::string> options;
  for (const Option& option : place.command->options) {
    for (const std::string& name : option.names) options.push_back(entry_of(option, name));
  }
  std::string argument;
  if (!place.command->arguments.empty()) argument = place.command->arguments.front().word;
  return fmt::format(
      "    '{}')\n      commands='{}' argument='{}' runs='{}'\n      options='{}'\n      ;;\n",
      place.words, fmt::join(commands, " "), argument,
      place.command->notes.runs_command ? "yes" : "", fmt::join(options, " "));
}

}  // namespace

std::string bash_completion(const Program& program) {
  std::string table;
  for (const Place& place : places_of(program)) table += table_row(place);
  std::string script = replaced(std::string(kScript), "FUNCTION", function_name(program));
  script = replaced(std::move(script), "PROGRAM", program.command.name);
  return replaced(std::move(script), "TABLE", table);
}

}  // namespace agent_secrets::help
