#pragma once
// A program whose commands are subcommands of CLI11: parses its command line, answers --help,
// `help` and `completion` from the declaration, and explains what is wrong with a command line.
//
//   CommandLine line({.name = "secret-sidecar", .summary = "...", .version = "0.1.0"});
//   CLI::App* run = line.app().add_subcommand("run", "Watch until the bot ends");
//   line.explain(run, {.examples = {{"secret-sidecar run", "..."}}});
//
// Ownership: the App and its options, which are bound to the caller's variables. Not moved.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "core/help/manual.h"
#include "core/help/read_cli11.h"

namespace agent_secrets::help {

class CommandLine {
 public:
  struct About {
    std::string name;
    std::string summary;
    std::string version;
    int man_section = 1;
    std::vector<std::string> related = {};  // man pages
  };

  explicit CommandLine(About about);
  ~CommandLine() = default;
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CLI::App& app() { return app_; }
  void explain(const CLI::App* command, Notes notes) { notes_[command] = std::move(notes); }

  // A text to print, or none: a command was chosen, and its options are set.
  // ErrorCode::invalid for a command line that makes no sense. `then` runs after a command was
  // chosen; what it throws as CLI::ParseError is an error of the command line too.
  Result<std::optional<std::string>> parse(int argc, const char* const* argv,
                                           const std::function<void()>& then = {});

  [[nodiscard]] Program manual() const;

 private:
  About about_;
  CLI::App app_;
  NotesOf notes_;
};

}  // namespace agent_secrets::help
