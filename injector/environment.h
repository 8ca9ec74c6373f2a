#pragma once
// The environment that the bot is started with: the image's, byte for byte and in its order, less
// the credential variables, then the values of the set. Everything that could go wrong later, in
// execve or in the bot, is checked here, where the key can still be named: reserved names,
// conflicts, missing keys, sizes. All names here are those that the command gets; which key of the
// set has which name is decided before (injector/arrangement.h).
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

// A key that the image sets already: the set's value wins, the image's wins, or nothing starts.
enum class OnConflict { replace, keep, fail };

struct EnvironmentPolicy {
  OnConflict on_conflict = OnConflict::replace;
  std::vector<std::string> only;     // keys of the set to take; empty: all
  std::vector<std::string> require;  // names that the bot must get, not empty, from wherever
  std::vector<std::string> allow;    // reserved names that the bot may get (core/reserved_names.h)
  Renaming renaming;
  std::vector<FileWish> files;
};

// NULL-terminated, as execve takes it. `entries` are what arrange() made of the set.
Result<std::vector<char*>> compose_environment(char** image,
                                               const std::vector<EnvironmentEntry>& entries,
                                               const EnvironmentPolicy& policy);

// The keys of `only` that the set has not, in their order.
std::vector<std::string> not_in_set(const std::vector<EnvironmentEntry>& set,
                                    const std::vector<std::string>& only);

// What execve takes for arguments and environment together, strings and pointers: a quarter of the
// stack's limit, at most 6 MiB and at least 128 KiB (execve(2), "Limits on size of arguments and
// environment").
std::size_t argument_space(std::size_t stack_limit);
std::size_t current_argument_space();  // of this process (RLIMIT_STACK)

// What arguments and environment take of it.
std::size_t argument_bytes(const std::vector<std::string>& command,
                           const std::vector<char*>& environment);

// Names the largest keys of the set when it does not fit.
Result<void> check_argument_space(const std::vector<std::string>& command,
                                  const std::vector<char*>& environment,
                                  const std::vector<EnvironmentEntry>& set, std::size_t space);

}  // namespace agent_secrets
