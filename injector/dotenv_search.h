#pragma once
// The `.env` that load_dotenv() of python-dotenv finds for a command, and the injected keys in it.
// load_dotenv(override=True), which many bots call, replaces the injected values by the values of
// that file, without a message.
//
// Source: find_dotenv() of python-dotenv 1.2: the directory of the calling file, then each
// directory above it up to the root; the first regular file or FIFO of that name. Where Python runs
// interactively it begins in the working directory, as this does where the file is not known
// (injector/python_script.h).

#include <string>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "injector/explain_environment.h"
#include "injector/options.h"

namespace agent_secrets {

struct DotenvSearch {
  const std::vector<std::string>& command;  // may be empty
  const std::vector<std::string>& env_files;
  char** environment;  // of the command: PYTHONPATH, PYTHON_DOTENV_DISABLED
  std::string working_directory;
};

struct FoundDotenv {
  std::string path;          // absolute; "" where there is none
  bool is_env_file = false;  // one of --env-file: its values are the injected ones
  bool is_fifo = false;      // not read: its content is for one reader
  bool is_empty = false;     // by its size; not read: files of /proc have no size, and may block
};

// At most limits::kDotenvDirectories directories are looked at, with one stat(2) each.
FoundDotenv find_dotenv(const DotenvSearch& search);

// The given names that the file sets.
Result<std::vector<std::string>> keys_in_dotenv(const std::string& path,
                                                const std::vector<std::string>& names);

// Logs one warning if injected keys are in that file. Does not search if the log takes no warnings.
// `composed` is what compose_environment(image, set, …) returned.
void warn_of_dotenv(const Options& options, char** image, const std::vector<EnvironmentEntry>& set,
                    const Arrangement& arranged, const std::vector<char*>& composed,
                    const Log& log);

}  // namespace agent_secrets
