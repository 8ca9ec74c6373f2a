#pragma once
// The doctor's steps about this container: what the command would get of the secrets, what else
// meets it there, and whether it could be started. They look and change nothing: no directory is
// made, no file written, nothing executed.

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

// What a start would inject: the set as it came, its keys as the command gets them, the environment
// made of these, and what became of each variable. All of it points into the image and the block.
struct Injection {
  std::vector<EnvironmentEntry> set;
  Arrangement arranged = {};
  std::vector<char*> environment;
  std::vector<ExplainedVariable> variables;
  [[nodiscard]] std::vector<std::string> injected_names() const;
};

// environment: conflicts, --only, --rename, reserved names that --allow let through, names that the
// image or the platform usually sets. (With a refused name there is no Injection.)
Step environment_step(const Injection& injection, const EnvironmentPolicy& policy);

// limits: execve's two, and whether the values stay out of swap. `space` is what execve allows.
Step limits_step(const Injection& injection, const std::vector<std::string>& command,
                 const SecretBuffer& block, std::size_t space);

// names: injected ones that a shell between here and the bot would drop.
Step names_step(const Injection& injection);

// dotenv: a `.env` that load_dotenv() would find, whose keys would beat injected ones.
Step dotenv_step(const Injection& injection, const DotenvSearch& search);

// state: whether running.json and the flag could be written.
Step state_step(const Options& options, char** image);

// command: which file would run. Fails as the start would, with 126 or 127.
Step command_step(const std::vector<std::string>& command, const Injection& injection);

}  // namespace agent_secrets
