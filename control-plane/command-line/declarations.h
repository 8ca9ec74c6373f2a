#pragma once
// What the files of this folder declare commands with: a subcommand of CLI11 whose options are
// bound to a struct of options.h, which becomes the Command when the subcommand was given. Help,
// man page and completions are read from the declaration (core/help/command_line.h).
//
// To add an option is one line beside the others of its command; to add a command is one
// declaration, its struct in options.h, and its call in main.cc.

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

#include "control-plane/options.h"
#include "core/help/command_line.h"

namespace agent_secrets::control_plane {

// Ownership: borrows both; the CommandLine keeps what is declared.
class Declarations {
 public:
  Declarations(help::CommandLine& line, std::optional<Command>& chosen)
      : line_(line), chosen_(chosen) {}

  CLI::App* program() { return &line_.app(); }

  // A word that commands stand behind, such as "credential".
  CLI::App* group(const char* name, const char* summary, help::Notes notes = {}) {
    CLI::App* group = program()->add_subcommand(name, summary);
    group->require_subcommand(1);
    line_.explain(group, std::move(notes));
    return group;
  }

  template <typename T>
  struct Declared {
    CLI::App* app;
    std::shared_ptr<T> options;
  };

  // `T` is the command's struct. `parent` is program() or a group.
  template <typename T>
  Declared<T> command(CLI::App* parent, const char* name, const char* summary,
                      help::Notes notes = {}) {
    CLI::App* app = parent->add_subcommand(name, summary);
    auto options = std::make_shared<T>();
    line_.explain(app, std::move(notes));
    add_data(app, options->data);
    std::optional<Command>& chosen = chosen_;
    app->callback([&chosen, options] { chosen = *options; });
    return {.app = app, .options = std::move(options)};
  }

 private:
  static void add_data(CLI::App* app, DataOptions& data) {
    constexpr const char* kGroup = "Data";
    app->add_option("--data-dir", data.data_directory, "the directory of the catalog")
        ->envname("AGENT_SECRETS_DATA_DIR")
        ->required()
        ->type_name("DIR")
        ->group(kGroup);
    CLI::Option* key = app->add_option("--master-key-file", data.master_key_file,
                                       "the key that encrypts the data; keep it elsewhere");
    key->envname("AGENT_SECRETS_MASTER_KEY_FILE")->type_name("FILE")->group(kGroup);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before there is another thread
    if (std::getenv("AGENT_SECRETS_MASTER_KEY") == nullptr) key->required();
  }

  help::CommandLine& line_;
  std::optional<Command>& chosen_;
};

template <typename T>
CLI::Option* add_organization(const Declarations::Declared<T>& command) {
  return command.app
      ->add_option("--organization", command.options->organization,
                   "the organization; needed only where there is more than one")
      ->type_name("NAME");
}

template <typename T>
CLI::Option* add_json(const Declarations::Declared<T>& command) {
  return command.app->add_flag("--json", command.options->json, "print JSON");
}

template <typename T>
CLI::Option* add_role(const Declarations::Declared<T>& command) {
  return help::one_of(command.app->add_option("--role", command.options->role,
                                              "admin: everything; member: sets and agents"),
                      {"admin", "member"})
      ->capture_default_str();
}

// Each declares the commands of one topic.
void declare_server(Declarations& declare);       // init, serve, public-url
void declare_regions(Declarations& declare);      // region
void declare_people(Declarations& declare);       // organization, user, member
void declare_tokens(Declarations& declare);       // token, api-key
void declare_agents(Declarations& declare);       // agent, fleet
void declare_credentials(Declarations& declare);  // credential
void declare_sets(Declarations& declare);         // set, image-pull-secret

}  // namespace agent_secrets::control_plane
