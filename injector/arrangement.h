#pragma once
// How the command gets the keys of the set: which ones (--only), under which names (--rename,
// --prefix), and which of them in a file whose path is in the variable (--file). Reserved names,
// conflicts with the image and --require are judged afterwards, in compose_environment(), by the
// names that come out of here.
//
// All of --only, --rename and --file name keys as the set has them. The name for the command is
// VARIABLE of `--file KEY=VARIABLE`, else TO of `--rename KEY=TO`, else the prefix and the key.
//
// Ownership: everything points into the set's block, into the policy, or into the arrangement
// itself, which keeps a copy of a value only where its name has changed, in guarded memory. All
// three must live until the exec.

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

// Descriptors of files in memory have numbers from here on, in the order of the --file options,
// without those that are promised to the command. The numbers are far above 3: where a child
// process has closed them, the next file that it opens must not get the number, or the path in the
// variable would lead to that file.
inline constexpr int kFirstFileDescriptor = 100;

// Where an entry comes from.
struct EntrySource {
  std::string_view key;            // in the set
  std::string_view value;          // of the set
  const FileWish* file = nullptr;  // its --file, if there is one
  int descriptor = -1;             // of a file in memory
  std::string_view path = {};      // what the variable then holds
};

struct Arrangement {
  std::vector<EnvironmentEntry> entries;  // by the command's names, sorted
  std::vector<EntrySource> sources;       // of each entry
  SecretBuffer renamed;                   // what entries with another name point into
  std::deque<std::string> paths;          // what entries with a file point into

  // The source of this entry's assignment; nullptr for an assignment of the image.
  [[nodiscard]] const EntrySource* source_of(const char* assignment) const;
};

// ErrorCode::invalid where --file names a key that is not there, not chosen or empty, and where two
// keys would have one name: the message names both.
// `taken` are the descriptors that are promised to the command (injector/promised_descriptors.h).
Result<Arrangement> arrange(const std::vector<EnvironmentEntry>& set,
                            const EnvironmentPolicy& policy, std::span<const int> taken = {});

// Of all --rename options, the keys that the set has not, in their order.
std::vector<std::string> unknown_renames(const std::vector<EnvironmentEntry>& set,
                                         const std::vector<Rename>& renames);

// Keys whose name for the command is another one, as "KEY as NAME".
std::vector<std::string> name_changes(const Arrangement& arranged);

}  // namespace agent_secrets
