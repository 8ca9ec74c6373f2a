#pragma once
// The environment of the bot: the image's variables, byte for byte and in their order, without the
// credential variables (and without the token of `--agent`), then the values of the set. Faults
// that execve or the bot would meet later are errors here, where the message can name the key:
// reserved names, conflicts, missing keys, sizes. All names here are names for the command
// (injector/arrangement.h maps the keys to them).
//
// Ownership: the result points into `image` and to where the entries point; both must live until
// the exec. Nothing is copied here.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment_block.h"
#include "core/error.h"
#include "core/find_variable.h"
#include "injector/file_wish.h"
#include "injector/renaming.h"

namespace agent_secrets {

inline constexpr std::string_view kCredentialVariable = "AGENT_SECRETS_CREDENTIAL";
inline constexpr std::string_view kCredentialFileVariable = "AGENT_SECRETS_CREDENTIAL_FILE";
inline constexpr std::string_view kCliTokenVariable = "PIPECAT_TOKEN";  // of the official CLI

// For a key that the image sets already: use the set's value, use the image's value, or fail.
enum class OnConflict { replace, keep, fail };

struct EnvironmentPolicy {
  OnConflict on_conflict = OnConflict::replace;
  std::vector<std::string> only;     // keys of the set to take; empty: all
  std::vector<std::string> require;  // names that must have a value, from the set or the image
  std::vector<std::string> allow;    // reserved names that the bot may get (core/reserved_names.h)
  Renaming renaming;
  std::vector<FileWish> files;
  bool without_cli_token = false;  // the token was for the injector alone (develop.h)
};

// NULL-terminated, as execve takes it. `entries` are what arrange() made of the set.
Result<std::vector<char*>> compose_environment(char** image,
                                               const std::vector<EnvironmentEntry>& entries,
                                               const EnvironmentPolicy& policy);

// The keys of `only` that the set does not have, in their order.
std::vector<std::string> not_in_set(const std::vector<EnvironmentEntry>& set,
                                    const std::vector<std::string>& only);

// What execve takes for arguments and environment together, strings and pointers: a quarter of the
// stack's limit, at most 6 MiB and at least 128 KiB (execve(2), "Limits on size of arguments and
// environment").
std::size_t argument_space(std::size_t stack_limit);
std::size_t current_argument_space();  // of this process (RLIMIT_STACK)

// The part of it that these arguments and this environment need.
std::size_t argument_bytes(const std::vector<std::string>& command,
                           const std::vector<char*>& environment);

// The error names the largest keys of the set.
Result<void> check_argument_space(const std::vector<std::string>& command,
                                  const std::vector<char*>& environment,
                                  const std::vector<EnvironmentEntry>& set, std::size_t space);

}  // namespace agent_secrets
