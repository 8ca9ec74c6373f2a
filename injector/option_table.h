#pragma once
// The options of secret-injector, each declared by one line of option_table.cc: its name, what it
// fills in, what it takes, and its text. Parser, --help, man page and completions come from it.
//
// A start declares only the options that its command line names, without their texts: CLI11
// compares each new option with all others (some 17,000 instructions an option), and copies texts.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "injector/options.h"

namespace agent_secrets {

// The words that CLI11 stores. parse_options() interprets them.
struct OptionWords {
  std::string timeout;
  std::string cache;
  std::string cache_max_age;
  std::string cache_after;
  std::string on_conflict;
  std::string env_format;
  std::string sidecar;
  std::string purpose;
  std::string develop_lifetime;
  std::string user;
  std::vector<std::string> renames;
  std::vector<std::string> files;
  std::int64_t accept_sequence = 0;
  bool help = false;
  bool version = false;
  bool quiet = false;
  bool verbose = false;
  bool one_shot = false;
};

// The options of `action`, which is not Action::help or Action::version, with their texts. The
// defaults that the texts name are those of `options`.
void declare_options(CLI::App& app, Action action, Options& options, OptionWords& words);

// Only the options that `command_line` may name, without their texts. An option is declared if any
// word of the command line begins with its name, also a word that belongs to the command.
void declare_named_options(CLI::App& app, Action action, Options& options, OptionWords& words,
                           std::span<char* const> command_line);

// True for Action::check and Action::list_environment: they do all of a start except the command.
bool looks_only(Action action);

}  // namespace agent_secrets
