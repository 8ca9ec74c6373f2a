#pragma once
// How a file of this folder declares its commands. Each command has a struct of options and a
// function that takes the struct; the declaration binds both:
//
//   struct RenameOptions {
//     DataOptions data;
//     std::string code;
//     std::string display_name;
//   };
//
//   Result<void> rename_region(const RenameOptions& options, const Clock& clock);
//
//   const Declarations group = declare.group("region", "Manage regions");
//   const auto rename = group.command("rename", "Change a display name", rename_region);
//   rename.argument("code", rename->code, "the region");
//   rename.argument("display-name", rename->display_name, "the name that people see");
//
// To add an option: a member of the struct, and a line of the declaration. To add a group of
// commands: a file, and its two lines in groups.h. --help, the man page and the completions are
// read from the declaration (core/help/command_line.h).
//
// CLI11 parses the command line. A file that includes CLI11 takes about 8 s longer to compile, so
// only declarations.cc and command_line.cc include it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control-plane/options.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/help/manual.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace agent_secrets::help {
class CommandLine;
}

namespace agent_secrets::control_plane {

// A command of the command line, with its options. An Error means kExitFailed.
using ChosenCommand = std::function<Result<ExitCode>(Clock&)>;

// Ownership: the classes below point into the CommandLine, which keeps everything that is declared.
// They may be copied.

class DeclaredOption {
 public:
  explicit DeclaredOption(CLI::Option* option) : option_(option) {}

  DeclaredOption required() const;
  // The word for the value in --help. Completions offer files for FILE.
  DeclaredOption takes(const char* word) const;
  // The heading in --help.
  DeclaredOption in_group(const char* heading) const;
  // The default in --help, where the member of the struct does not have it.
  DeclaredOption shows_default(const std::string& text) const;
  DeclaredOption needs(DeclaredOption other) const;
  DeclaredOption excludes(DeclaredOption other) const;

  [[nodiscard]] std::size_t times_given() const;

 private:
  CLI::Option* option_;
};

struct Bounds {
  std::uint64_t least;
  std::uint64_t most;
};

// The options of one command. A value is written into the given variable before the command runs.
class DeclaredOptions {
 public:
  explicit DeclaredOptions(CLI::App* app) : app_(app) {}

  // Arguments without a name.
  DeclaredOption argument(const char* name, std::string& value, const char* text) const;
  DeclaredOption optional_argument(const char* name, std::string& value, const char* text) const;
  DeclaredOption arguments(const char* name, std::vector<std::string>& values,
                           const char* text) const;

  DeclaredOption flag(const char* name, bool& value, const char* text) const;
  DeclaredOption option(const char* name, std::string& value, const char* word,
                        const char* text) const;
  // An option that can be given several times, each time with one value.
  DeclaredOption option(const char* name, std::vector<std::string>& values, const char* word,
                        const char* text) const;
  // An option that can be given several times, with or without a value. Without a value, CLI11 adds
  // an empty string to `values`, or nothing.
  DeclaredOption option_with_optional_value(const char* name, std::vector<std::string>& values,
                                            const char* word, const char* text) const;
  DeclaredOption choice(const char* name, std::string& value, const std::vector<std::string>& words,
                        const char* text) const;
  DeclaredOption number(const char* name, int& value, Bounds bounds, const char* word,
                        const char* text) const;
  // Seconds: a number with a unit, such as 90s or 5m, or without a unit. The units s, m, h and d
  // are accepted, except units that are not shorter than the upper bound.
  DeclaredOption duration(const char* name, std::uint64_t& seconds, Bounds bounds,
                          const char* text) const;

  // --master-key-file, with its variable.
  DeclaredOption master_key_file(std::string& file, const char* text) const;
  // Adds the options for a second place, to which a command copies: --to-data-dir, or --to with the
  // variable AGENT_SECRETS_MOVE_TO. A command with target_place() cannot use require().
  void target_place(DataOptions& target) const;

  // Refuses a command line for which `holds` returns false: "OPTION: COMPLAINT". `holds` runs after
  // the options have their values. At most one for a command.
  void require(const std::function<bool()>& holds, const char* option, const char* complaint) const;

 private:
  CLI::App* app_;
};

template <typename Options>
class DeclaredCommand : public DeclaredOptions {
 public:
  DeclaredCommand(CLI::App* app, std::shared_ptr<Options> options)
      : DeclaredOptions(app), options_(std::move(options)) {}
  Options& operator*() const { return *options_; }
  Options* operator->() const { return options_.get(); }

 private:
  std::shared_ptr<Options> options_;
};

// Commands of the program, such as "fleet", or of a group, such as "credential".
class Declarations {
 public:
  // `chosen` receives the command that the command line names.
  Declarations(help::CommandLine& line, ChosenCommand& chosen);

  [[nodiscard]] Declarations group(const char* name, const char* summary,
                                   help::Notes notes = {}) const;

  // `run` is Result<void> or Result<ExitCode> (const Options&, Clock& or const Clock&). Options
  // with a member `data` get the options that say where the data is.
  template <typename Options, typename Done, typename AnyClock>
  DeclaredCommand<Options> command(const char* name, const char* summary,
                                   Result<Done> (*run)(const Options&, AnyClock&),
                                   help::Notes notes = {}) const {
    auto options = std::make_shared<Options>();
    DataOptions* data = nullptr;
    if constexpr (requires { options->data; }) data = &options->data;
    CLI::App* app =
        add_command(name, summary, std::move(notes), data,
                    [options, run](Clock& clock) { return exit_code(run(*options, clock)); });
    return {app, std::move(options)};
  }

 private:
  Declarations(help::CommandLine* line, ChosenCommand* chosen, CLI::App* parent)
      : line_(line), chosen_(chosen), parent_(parent) {}

  // `data` may be null.
  CLI::App* add_command(const char* name, const char* summary, help::Notes notes, DataOptions* data,
                        ChosenCommand command) const;

  static Result<ExitCode> exit_code(Result<void> done) {
    if (!done) return propagate(done);
    return kExitOk;
  }
  static Result<ExitCode> exit_code(Result<ExitCode> done) { return done; }

  help::CommandLine* line_;
  ChosenCommand* chosen_;
  CLI::App* parent_;
};

template <typename Options>
DeclaredOption add_organization(const DeclaredCommand<Options>& command) {
  return command.option("--organization", command->organization, "NAME",
                        "the organization; needed only where there is more than one");
}

template <typename Options>
void add_json(const DeclaredCommand<Options>& command) {
  command.flag("--json", command->json, "print JSON");
}

inline constexpr std::uint64_t kLongestExpiry = 3650ULL * 24 * 60 * 60;  // seconds

template <typename Options>
void add_expires(const DeclaredCommand<Options>& command) {
  command.duration(
      "--expires", command->expires_s, {.least = 1, .most = kLongestExpiry},
      "the time until it expires, such as 90d; without this option it is valid until it "
      "is revoked");
}

template <typename Options>
DeclaredOption add_role(const DeclaredCommand<Options>& command) {
  return command.choice("--role", command->role, {"viewer", "member", "admin"},
                        "viewer: read, never values; member: also write sets and deploy; admin: "
                        "everything");
}

}  // namespace agent_secrets::control_plane
