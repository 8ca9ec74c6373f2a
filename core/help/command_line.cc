#include "core/help/command_line.h"

#include <algorithm>
#include <utility>

#include "core/help/answer.h"
#include "core/help/help_text.h"

namespace agent_secrets::help {

CommandLine::CommandLine(About about)
    : about_(std::move(about)), app_(about_.summary, about_.name) {
  app_.require_subcommand(1);
  app_.set_help_flag("-h,--help", "print help");
  app_.set_version_flag("--version", about_.name + " " + about_.version, "print the version");
}

Result<std::optional<std::string>> CommandLine::parse(int argc, const char* const* argv,
                                                      const std::function<void()>& then) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty() && is_help_command(words.front())) {
    auto text = answer(manual(), words, style_of_standard_output());
    if (!text) return propagate(text);
    return std::move(*text);
  }
  try {
    app_.parse(argc, argv);
    if (then) then();
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    const Program program = manual();
    auto command = find_command(program, chosen_command(app_));
    if (!command) return propagate(command);
    return help_text(program, **command, style_of_standard_output());
  } catch (const CLI::CallForVersion&) {
    return about_.name + " " + about_.version + "\n";
  } catch (const CLI::ParseError& error) {
    return std::unexpected(help::explain(app_, error, words));
  }
}

Program CommandLine::manual() const {
  Program program{.command = read_command(app_, notes_, about_.name),
                  .version = about_.version,
                  .man_section = about_.man_section,
                  .related = about_.related};
  add_help_commands(program.command);
  return program;
}

}  // namespace agent_secrets::help
