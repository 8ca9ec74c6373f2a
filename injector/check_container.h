#pragma once
// The doctor's steps about this container: the secrets that the command would get, other conditions
// of its start, and whether it could be started. They change nothing: no directory is made, no file
// is written, nothing is executed.

#include <string>
#include <string_view>
#include <vector>

#include "core/secret_buffer.h"
#include "injector/arrangement.h"
#include "injector/check_report.h"
#include "injector/dotenv_search.h"
#include "injector/environment.h"
#include "injector/explain_environment.h"
#include "injector/options.h"

namespace agent_secrets {

// What a start would inject: the set as received, its keys as the command gets them, the composed
// environment, and the outcome for each variable. All members point into the image and the block.
struct Injection {
  std::vector<EnvironmentEntry> set;
  Arrangement arranged = {};
  std::vector<char*> environment;
  std::vector<ExplainedVariable> variables;
  [[nodiscard]] std::vector<std::string> injected_names() const;
};

// environment: conflicts, --only, --rename, reserved names that --allow permits, names that the
// image or the platform usually sets. (With a refused name there is no Injection.)
Step environment_step(const Injection& injection, const EnvironmentPolicy& policy);

// limits: the two limits of execve, and whether the values stay out of swap. `space` is the total
// that execve allows.
Step limits_step(const Injection& injection, const std::vector<std::string>& command,
                 const SecretBuffer& block, std::size_t space);

// names: injected names that a shell between the injector and the bot would drop.
Step names_step(const Injection& injection);

// dotenv: a `.env` that load_dotenv() would find, with keys that would replace injected keys.
Step dotenv_step(const Injection& injection, const DotenvSearch& search);

// state: whether running.json and the flag could be written.
Step state_step(const Options& options, char** image);

// command: the file that would run. Fails like a start, with exit code 126 or 127.
Step command_step(const std::vector<std::string>& command, const Injection& injection);

}  // namespace agent_secrets
