#pragma once
// Selects the keys of the set for the command (--only), gives them their names (--rename,
// --prefix), and puts the values of --file into files, with the path in the variable.
// compose_environment() then checks reserved names, conflicts with the image and --require, with
// the names that the command gets.
//
// --only, --rename and --file name keys as the set has them. The name for the command is
// VARIABLE of `--file KEY=VARIABLE`, else TO of `--rename KEY=TO`, else the prefix and the key.
//
// Ownership: everything points into the set's block, into the policy, or into the arrangement
// itself, which copies a value, into guarded memory, only if its name has changed. All three must
// live until the exec.

#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment_block.h"
#include "core/error.h"
#include "core/secret_buffer.h"
#include "injector/environment.h"

namespace agent_secrets {

// The first number for the descriptors of files in memory. They follow the order of the --file
// options, and skip the numbers that are promised to the command. The number is far above 3: if a
// child process has closed such a descriptor, a file that it opens next must not get the number,
// because the path in the variable would then lead to that file.
inline constexpr int kFirstFileDescriptor = 100;

// The source of an entry.
struct EntrySource {
  std::string_view key;            // in the set
  std::string_view value;          // of the set
  const FileWish* file = nullptr;  // the --file option of the key, if any
  int descriptor = -1;             // of a file in memory
  std::string_view path = {};      // the content of the variable, for a key with a file
};

struct Arrangement {
  std::vector<EnvironmentEntry> entries;  // by the command's names, sorted
  std::vector<EntrySource> sources;       // of each entry
  SecretBuffer renamed;                   // entries with a changed name point into it
  std::deque<std::string> paths;          // entries with a file point into these

  // The source of this entry's assignment; nullptr for an assignment of the image.
  [[nodiscard]] const EntrySource* source_of(const char* assignment) const;
};

// ErrorCode::invalid if --file names a key that is missing, not chosen or empty, and if two keys
// would have one name: the message names both.
// `taken` are the descriptors that are promised to the command (injector/promised_descriptors.h).
Result<Arrangement> arrange(const std::vector<EnvironmentEntry>& set,
                            const EnvironmentPolicy& policy, std::span<const int> taken = {});

// The keys in --rename options that the set does not have, in the order of the options.
std::vector<std::string> unknown_renames(const std::vector<EnvironmentEntry>& set,
                                         const std::vector<Rename>& renames);

// The keys with a different name for the command, as "KEY as NAME".
std::vector<std::string> name_changes(const Arrangement& arranged);

}  // namespace agent_secrets
