// The script for fish: two functions, then one `complete` for each command and option.

#include <fmt/format.h>

#include "core/help/completion.h"

namespace agent_secrets::help {
namespace {

constexpr std::string_view kTokens =
    R"fish(# fish completion for {program}, made by: {program} completion fish

# Which command the words before the cursor belong to: '' for {program} itself, 'run' where a
# command of another program has begun; that is then in $__{function}_rest.
function __{function}_place
  set -l at
  set -l takes
  set -g __{function}_rest
  set -l tokens (commandline -opc)
  for i in (seq 2 (count $tokens))
    set -l token $tokens[$i]
    if test -n "$takes"
      set takes
      continue
    end
    switch "$at|$token"
{cases}    end
  end
  echo "$at"
end

function __{function}_at
  test (__{function}_place) = "$argv[1]"
end

complete -c {program} -f
)fish";

constexpr std::string_view kCommandCases = R"fish(      case '{place}|--'
        set -g __{function}_rest $tokens[(math $i + 1)..]
        echo ' run'
        return
)fish";

constexpr std::string_view kAnyCommandCase = R"fish(      case '|-*'
      case '|*'
        set -g __{function}_rest $tokens[$i..]
        echo ' run'
        return
)fish";

constexpr std::string_view kCommandCompletion = R"fish(
function __{function}_run
  __{function}_place > /dev/null
  complete -C (string join ' ' -- (string escape -- $__{function}_rest) (commandline -ct))
end
complete -c {program} -n '__{function}_at " run"' -a '(__{function}_run)'
complete -c {program} -n '__{function}_at ""; and string match -rq "^[^-]" -- (commandline -ct)' \
  -a '(complete --do-complete=(commandline -ct))'
)fish";

std::string in_quotes(std::string_view text) {
  std::string to = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') to += '\\';
    to += c;
  }
  return to + '\'';
}

std::string cases_of(const Program& program) {
  const std::string function = function_name(program);
  std::string cases;
  std::vector<std::string> valued;
  std::string runs;
  for (const Place& place : places_of(program)) {
    for (const Option& option : place.command->options) {
      if (option.argument.empty() || option.argument_is_optional) continue;
      for (const std::string& name : option.names) {
        valued.push_back(in_quotes(place.words + "|" + name));
      }
    }
    for (const Command& below : place.command->commands) {
      const std::string to = place.words.empty() ? below.name : place.words + " " + below.name;
      cases += fmt::format("      case {}\n        set at {}\n",
                           in_quotes(place.words + "|" + below.name), in_quotes(to));
    }
    if (place.command->notes.runs_command) {
      runs += fmt::format(kCommandCases, fmt::arg("place", place.words),
                          fmt::arg("function", function));
    }
  }
  if (!valued.empty()) {
    cases += fmt::format("      case {}\n        set takes yes\n", fmt::join(valued, " "));
  }
  cases += runs;
  if (program.command.notes.runs_command) {
    cases += fmt::format(kAnyCommandCase, fmt::arg("function", function));
  }
  return cases;
}

std::string offers_of(std::string_view argument) {
  if (argument == "FILE") return " -F";
  if (argument == "DIR") return " -a '(__fish_complete_directories)'";
  const std::vector<std::string> words = words_of(argument);
  return words.empty() ? "" : fmt::format(" -a '{}'", fmt::join(words, " "));
}

// An optional value is offered as a part of the option's name: fish has no other way to say it.
std::string option_line(const std::string& start, const Option& option) {
  std::string line = start;
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.argument.empty() && !option.argument_is_optional) {
    line += (option.argument == "FILE" ? " -r" : " -x") + offers_of(option.argument);
  }
  line += fmt::format(" -d {}\n", in_quotes(short_text(option.text)));
  if (option.argument_is_optional) {
    std::vector<std::string> words = words_of(option.argument);
    if (words.empty()) words.push_back(option.argument);
    for (const std::string& word : words) {
      line += fmt::format("{} -l {}={} -d {}\n", start, option.names.back().substr(2), word,
                          in_quotes(short_text(option.text)));
    }
  }
  return line;
}

}  // namespace

std::string fish_completion(const Program& program) {
  const std::string& name = program.command.name;
  const std::string function = function_name(program);
  std::string script =
      fmt::format(kTokens, fmt::arg("program", name), fmt::arg("function", function),
                  fmt::arg("cases", cases_of(program)));
  for (const Place& place : places_of(program)) {
    const std::string start =
        fmt::format("complete -c {} -n '__{}_at \"{}\"'", name, function, place.words);
    for (const Command& below : place.command->commands) {
      script += fmt::format("{} -a {} -d {}\n", start, below.name, in_quotes(below.summary));
    }
    for (const Option& option : place.command->options) script += option_line(start, option);
    if (!place.command->arguments.empty()) {
      const std::string offers = offers_of(place.command->arguments.front().word);
      if (!offers.empty()) script += start + offers + '\n';
    }
  }
  if (program.command.notes.runs_command) {
    script +=
        fmt::format(kCommandCompletion, fmt::arg("program", name), fmt::arg("function", function));
  }
  return script;
}

}  // namespace agent_secrets::help
