#pragma once
// The command line. The first word that is not an option begins the command; all words from there
// on belong to the command and are not parsed. The options are declared in option_table.cc.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/limits.h"
#include "injector/bot_user.h"
#include "injector/develop.h"
#include "injector/env_file.h"
#include "injector/environment.h"
#include "injector/obtain_bundle.h"

namespace agent_secrets {

enum class Action { run, check, list_environment, keygen, watch_credential, help, version };
// The purpose of the command, for the control plane and the state directory. A command with `bot`
// or `develop` may run beside a bot (injector/bot_claim.h).
enum class Purpose { bot, develop, one_shot };
enum class SidecarWish { none, optional, required };
enum class Verbosity { quiet, normal, verbose };

struct Options {
  Action action = Action::run;
  std::vector<std::string> command;  // of Action::run: at least one word; may be empty for a check

  std::string credential_file;
  DevelopWish develop{.agent = {}, .organization = {}, .lifetime = limits::kDevelopKey};
  std::vector<std::string> env_files;
  EnvFormat env_format = EnvFormat::dotenv;
  bool expand = false;  // ${NAME} in env files
  EnvironmentPolicy environment;
  bool allow_disk = false;        // --file PATH on another file system than a tmpfs
  std::optional<BotUser> user;    // the user of the command; absent: the user of the injector
  bool allow_plain_http = false;  // to a control plane that is not on loopback
  std::chrono::seconds timeout{30};
  std::string cache_directory;  // empty: no cache
  CachePolicy cache;
  std::string state_directory;     // empty: choose_state_folder() chooses
  std::optional<Purpose> purpose;  // absent: is_developers_run() guesses
  SidecarWish sidecar = SidecarWish::none;
  bool core_dumps = false;
  Verbosity verbosity = Verbosity::normal;

  bool json = false;      // of Action::check and Action::list_environment
  std::string seed_path;  // of Action::keygen

  std::vector<std::string> help_words;  // of Action::help, as core/help/answer.h takes them
};

// ErrorCode::invalid for an invalid command line.
Result<Options> parse_options(int argc, char** argv);

}  // namespace agent_secrets
