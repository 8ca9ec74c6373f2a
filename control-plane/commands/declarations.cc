#include "control-plane/commands/declarations.h"

#include <array>
#include <cstdlib>
#include <iterator>
#include <map>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "control-plane/keys/key_file.h"
#include "control-plane/keys/master_key.h"
#include "control-plane/keys/region_keys.h"
#include "core/help/command_line.h"

namespace agent_secrets::control_plane {
namespace {

constexpr std::array<std::pair<const char*, std::uint64_t>, 4> kUnits = {
    {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}}};

std::map<std::string, std::uint64_t> units_below(std::uint64_t most) {
  std::map<std::string, std::uint64_t> units;
  for (const auto& [name, seconds] : kUnits) {
    if (seconds < most) units.emplace(name, seconds);
  }
  return units;
}

// An option, and the environment variable that can be used instead. CLI11 could read the variable,
// but does not say afterwards where a value came from, and a database's URL may have a password in
// it in the environment alone.
struct PlaceOption {
  const char* name;
  const char* variable;  // or null
};
// A command uses exactly one of the two.
struct PlaceOptions {
  PlaceOption directory;
  PlaceOption database;
};
constexpr PlaceOptions kPlace{.directory = {"--data-dir", "AGENT_SECRETS_DATA_DIR"},
                              .database = {"--database", "AGENT_SECRETS_DATABASE"}};
constexpr PlaceOptions kTarget{.directory = {"--to-data-dir", nullptr},
                               .database = {"--to", "AGENT_SECRETS_MOVE_TO"}};
constexpr PlaceOption kRegionDatabase{"--region-database", "AGENT_SECRETS_REGION_DATABASES"};
constexpr const char* kMasterKeyFile = "--master-key-file";
constexpr const char* kMasterKeyCommand = "--master-key-command";
constexpr const char* kMasterKeyCommandVariable = "AGENT_SECRETS_MASTER_KEY_COMMAND";
constexpr const char* kOnlyRegion = "--only-region";

std::string value_of(const char* variable) {
  if (variable == nullptr) return "";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

// The command line names the place, or else the environment does.
void choose_place(const CLI::App& app, const PlaceOptions& options, DataOptions& data) {
  const auto& [directory, database] = options;
  const std::size_t given = app.count(directory.name) + app.count(database.name);
  if (given == 0) {
    data.data_directory = value_of(directory.variable);
    data.database = value_of(database.variable);
    data.database_is_of_environment = true;
  }
  if (data.data_directory.empty() && data.database.empty()) {
    throw CLI::RequiredError(fmt::format("{} or {}", directory.name, database.name));
  }
  if (!data.data_directory.empty() && !data.database.empty()) {
    throw CLI::ValidationError(
        given == 0 ? fmt::format("{} and {} are both set", directory.variable, database.variable)
                   : fmt::format("{} and {} exclude each other", directory.name, database.name));
  }
}

bool has_master_key(const DataOptions& data) {
  return !data.master_key_file.empty() || !data.master_key_command.empty() ||
         has_key_variable(kMasterKeyVariable);
}

// The variable of the command is used only if no file is named. CLI11 reads the variable of the
// file.
void choose_master_key(const CLI::App& app, DataOptions& data) {
  if (app.count(kMasterKeyFile) == 0 && data.master_key_command.empty()) {
    data.master_key_command = value_of(kMasterKeyCommandVariable);
  }
  if (!has_master_key(data)) throw CLI::RequiredError(kMasterKeyFile);
}

// In the variable, pairs are separated by white space, which a URL cannot contain.
void choose_region_databases(const CLI::App& app, DataOptions& data) {
  if (app.count(kRegionDatabase.name) > 0) return;
  std::istringstream pairs(value_of(kRegionDatabase.variable));
  data.region_databases.assign(std::istream_iterator<std::string>(pairs), {});
  data.region_databases_are_of_environment = true;
}

// A region node uses its region's store, and has neither a catalog nor the master key.
void choose_node(const CLI::App& app, DataOptions& data) {
  if (app.count(kPlace.database.name) > 0) {
    throw CLI::ValidationError(kOnlyRegion,
                               "a region node has no catalog: name the database of "
                               "the region with --region-database CODE=URL");
  }
  if (has_master_key(data)) {
    throw CLI::ValidationError(
        kOnlyRegion, "a region node needs no master key: do not store the key on this machine");
  }
  if (app.count(kPlace.directory.name) > 0 && app.count(kRegionDatabase.name) > 0) {
    throw CLI::ValidationError(
        fmt::format("{} and {} exclude each other", kPlace.directory.name, kRegionDatabase.name));
  }
  if (data.data_directory.empty() && data.region_databases.empty()) {
    data.data_directory = value_of(kPlace.directory.variable);
  }
  if (data.data_directory.empty() && data.region_databases.empty()) {
    throw CLI::RequiredError(fmt::format("{} or {}", kRegionDatabase.name, kPlace.directory.name));
  }
  if (data.region_keys_file.empty() && !has_key_variable(kRegionKeysVariable)) {
    throw CLI::RequiredError("--region-keys");
  }
}

void choose_data(const CLI::App& app, DataOptions& data) {
  choose_region_databases(app, data);
  if (!data.only_region.empty()) return choose_node(app, data);
  choose_place(app, kPlace, data);
  choose_master_key(app, data);
}

std::string with_variable(const char* text, const PlaceOption& option) {
  return fmt::format("{} [${}]", text, option.variable);
}

void add_place(const DeclaredOptions& command, DataOptions& data, const char* group) {
  command
      .option(kPlace.directory.name, data.data_directory, "DIR",
              with_variable("the directory of the catalog, which is in SQLite", kPlace.directory)
                  .c_str())
      .in_group(group);
  command
      .option(kPlace.database.name, data.database, "URL",
              with_variable("the PostgreSQL database of the catalog, in place of --data-dir",
                            kPlace.database)
                  .c_str())
      .in_group(group);
  command
      .option(
          kRegionDatabase.name, data.region_databases, "CODE=URL",
          with_variable("the PostgreSQL database of a region's store, if the store is not in the "
                        "catalog's place; repeat it for each such region",
                        kRegionDatabase)
              .c_str())
      .in_group(group);
  command
      .flag("--allow-plain-database", data.allow_plain_database,
            "connect to a database on another host without a verified certificate; only on a "
            "network that you trust")
      .in_group(group);
}

void add_uncoded_rows(const DeclaredOptions& command, DataOptions& data, const char* group) {
  command
      .flag("--accept-uncoded-rows", data.accept_uncoded_rows,
            "also accept rows without a valid authority code; only during an upgrade from a "
            "version without these codes")
      .in_group(group);
}

void add_data(const DeclaredOptions& command, DataOptions& data) {
  constexpr const char* kGroup = "Data";
  add_place(command, data, kGroup);
  command
      .master_key_file(data.master_key_file,
                       "the key that encrypts the data; store it apart from the data. This, the "
                       "command or $AGENT_SECRETS_MASTER_KEY is required")
      .in_group(kGroup);
  command
      .option(kMasterKeyCommand, data.master_key_command, "COMMAND",
              fmt::format("a command of /bin/sh that prints the key, in place of the file, such as "
                          "the tool of a key management service [${}]",
                          kMasterKeyCommandVariable)
                  .c_str())
      .in_group(kGroup);
  const DeclaredOption previous =
      command
          .option("--previous-master-key-file", data.previous_master_key_file, "FILE",
                  "after the master key was replaced: the old one. What it still encrypts is "
                  "encrypted anew under the new one at the start")
          .in_group(kGroup);
  command
      .option("--previous-master-key-command", data.previous_master_key_command, "COMMAND",
              "a command that prints the old master key")
      .excludes(previous)
      .in_group(kGroup);
  add_uncoded_rows(command, data, kGroup);
}

}  // namespace

DeclaredOption DeclaredOption::required() const {
  option_->required();
  return *this;
}

DeclaredOption DeclaredOption::takes(const char* word) const {
  option_->type_name(word);
  return *this;
}

DeclaredOption DeclaredOption::in_group(const char* heading) const {
  option_->group(heading);
  return *this;
}

DeclaredOption DeclaredOption::shows_default(const std::string& text) const {
  option_->default_str(text);
  return *this;
}

DeclaredOption DeclaredOption::needs(DeclaredOption other) const {
  option_->needs(other.option_);
  return *this;
}

DeclaredOption DeclaredOption::excludes(DeclaredOption other) const {
  option_->excludes(other.option_);
  return *this;
}

std::size_t DeclaredOption::times_given() const { return option_->count(); }

DeclaredOption DeclaredOptions::argument(const char* name, std::string& value,
                                         const char* text) const {
  return optional_argument(name, value, text).required();
}

DeclaredOption DeclaredOptions::optional_argument(const char* name, std::string& value,
                                                  const char* text) const {
  return DeclaredOption(app_->add_option(name, value, text));
}

DeclaredOption DeclaredOptions::arguments(const char* name, std::vector<std::string>& values,
                                          const char* text) const {
  return DeclaredOption(app_->add_option(name, values, text)->required());
}

DeclaredOption DeclaredOptions::flag(const char* name, bool& value, const char* text) const {
  return DeclaredOption(app_->add_flag(name, value, text));
}

DeclaredOption DeclaredOptions::option(const char* name, std::string& value, const char* word,
                                       const char* text) const {
  return DeclaredOption(
      app_->add_option(name, value, text)->type_name(word)->capture_default_str());
}

// Without allow_extra_args(false), `--url URL AGENT` would take AGENT for another URL.
DeclaredOption DeclaredOptions::option(const char* name, std::vector<std::string>& values,
                                       const char* word, const char* text) const {
  return DeclaredOption(
      app_->add_option(name, values, text)->type_name(word)->allow_extra_args(false));
}

DeclaredOption DeclaredOptions::option_with_optional_value(const char* name,
                                                           std::vector<std::string>& values,
                                                           const char* word,
                                                           const char* text) const {
  return DeclaredOption(app_->add_option(name, values, text)
                            ->type_name(word)
                            ->expected(0, 1)
                            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                            ->allow_extra_args(false));
}

DeclaredOption DeclaredOptions::choice(const char* name, std::string& value,
                                       const std::vector<std::string>& words,
                                       const char* text) const {
  return DeclaredOption(
      help::one_of(app_->add_option(name, value, text), words)->capture_default_str());
}

DeclaredOption DeclaredOptions::number(const char* name, int& value, Bounds bounds,
                                       const char* word, const char* text) const {
  return DeclaredOption(help::between(app_->add_option(name, value, text),
                                      static_cast<int>(bounds.least), static_cast<int>(bounds.most),
                                      word)
                            ->capture_default_str());
}

// The empty descriptions keep CLI11 from adding its own to the word for the value.
DeclaredOption DeclaredOptions::duration(const char* name, std::uint64_t& seconds, Bounds bounds,
                                         const char* text) const {
  CLI::Option* option = app_->add_option(name, seconds, text);
  option
      ->transform(
          CLI::AsNumberWithUnit(units_below(bounds.most), CLI::AsNumberWithUnit::CASE_SENSITIVE)
              .description(""))
      ->check(CLI::Range(bounds.least, bounds.most).description(""))
      ->type_name("DURATION");
  if (seconds > 0) option->default_str(fmt::format("{}s", seconds));
  return DeclaredOption(option);
}

DeclaredOption DeclaredOptions::master_key_file(std::string& file, const char* text) const {
  const DeclaredOption declared = option(kMasterKeyFile, file, "FILE", text);
  app_->get_option(kMasterKeyFile)->envname("AGENT_SECRETS_MASTER_KEY_FILE");
  return declared;
}

void DeclaredOptions::target_place(DataOptions& target) const {
  option(
      kTarget.database.name, target.database, "URL",
      with_variable("the PostgreSQL database to which a data directory is moved", kTarget.database)
          .c_str());
  option(kTarget.directory.name, target.data_directory, "DIR",
         "the data directory to which a database is moved");
  app_->parse_complete_callback([app = app_, &target] { choose_place(*app, kTarget, target); });
}

void DeclaredOptions::require(const std::function<bool()>& holds, const char* option,
                              const char* complaint) const {
  app_->parse_complete_callback([holds, option, complaint] {
    if (!holds()) throw CLI::ValidationError(option, complaint);
  });
}

Declarations::Declarations(help::CommandLine& line, ChosenCommand& chosen)
    : Declarations(&line, &chosen, &line.app()) {}

Declarations Declarations::group(const char* name, const char* summary, help::Notes notes) const {
  CLI::App* group = parent_->add_subcommand(name, summary);
  group->require_subcommand(1);
  line_->explain(group, std::move(notes));
  return {line_, chosen_, group};
}

CLI::App* Declarations::add_command(const char* name, const char* summary, help::Notes notes,
                                    DataOptions* data, ChosenCommand command) const {
  CLI::App* app = parent_->add_subcommand(name, summary);
  line_->explain(app, std::move(notes));
  if (data != nullptr) add_data(DeclaredOptions(app), *data);
  app->callback([chosen = chosen_, command = std::move(command), app, data] {
    if (data != nullptr) choose_data(*app, *data);
    *chosen = command;
  });
  return app;
}

}  // namespace agent_secrets::control_plane
