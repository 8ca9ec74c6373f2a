#pragma once
// `secret-injector env`: the variables that the command would get, by name, origin, size and
// outcome. Values are not shown in any form. A table on a terminal, tab-separated lines with a
// header in a pipe, or one JSON document.

#include <string>
#include <vector>

#include "core/bundle.h"
#include "core/error.h"
#include "core/terminal_style.h"
#include "injector/env_file.h"
#include "injector/explain_environment.h"

namespace agent_secrets {

struct KeyOrigin {
  std::string key;
  std::string path;
};

// The env file of each key: the last file that has the key.
Result<std::vector<KeyOrigin>> origins_in_files(const std::vector<std::string>& paths,
                                                EnvFormat format);

struct EnvironmentListing {
  std::vector<ExplainedVariable> variables;
  std::vector<SetVersion> sets;  // that the bundle merges; empty for env files
  std::vector<KeyOrigin> files;  // empty for a bundle
};

// "image", "set voice=3", "file .env". A bundle of several sets does not say which key came from
// which: then it is "sets voice=3, keys=7".
std::string origin_of(const ExplainedVariable& variable, const EnvironmentListing& listing);

// The same with the set's key where the variable has another name, and with the file's path where
// the value is in a file: "set voice=3 (GOOGLE_JSON, in /proc/self/fd/100)".
std::string full_origin_of(const ExplainedVariable& variable, const EnvironmentListing& listing);

std::string listing_table(const EnvironmentListing& listing, const TerminalStyle& style);
std::string listing_tsv(const EnvironmentListing& listing);
std::string listing_json(const EnvironmentListing& listing);

}  // namespace agent_secrets
