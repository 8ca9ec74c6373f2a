#pragma once
// The options of secret-injector, each declared by one line of option_table.cc: its name, what it
// fills in, what it takes, and its text. Parser, --help, man page and completions come from it.
//
// A start declares the options without their texts, which would be copied for nothing.

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

#include "injector/options.h"

namespace agent_secrets {

// What CLI11 fills in as words; parse_options() gives them their meaning.
struct OptionWords {
  std::string timeout;
  std::string cache;
  std::string cache_max_age;
  std::string cache_after;
  std::string on_conflict;
  std::string env_format;
  std::string sidecar;
  std::string user;
  std::int64_t accept_sequence = 0;
  bool help = false;
  bool version = false;
  bool quiet = false;
  bool verbose = false;
  bool one_shot = false;
};

enum class OptionTexts { none, all };

// The options of `action`, which is not Action::help or Action::version. The defaults that the
// texts name are those of `options`.
void declare_options(CLI::App& app, Action action, Options& options, OptionWords& words,
                     OptionTexts texts);

// Does all of a start but the command: Action::check and Action::list_environment.
bool looks_only(Action action);

}  // namespace agent_secrets
