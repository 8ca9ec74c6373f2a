#pragma once
// Who may touch a data directory. Values in it are encrypted, but whoever can write there could
// take a token's or a credential's place, and whoever owns the directory can do both later. So the
// directory and the files in it that are ours belong to the user who runs this program, and group
// and others have no right to them; the files are regular ones, not links. Root is no exception: a
// program that runs as root does not use what another user can change.
//
// Threads: safe from several.

#include <string>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::control_plane {

inline constexpr const char* kNoDataDirectoryHint =
    "create one with secret-control-plane init, or check --data-dir";

// An error names the path and what is wrong, and has the command that mends it as its hint.
Result<void> check_data_directory(const std::string& directory);
// Makes it, with mode 0700, where there is none.
Result<void> make_data_directory(const std::string& directory);
// The lock of the data directory, which `serve` holds for its lifetime. ErrorCode::conflict, naming
// the directory, when another process holds it.
Result<UniqueFd> lock_data_directory(const std::string& directory);
// The owner alone, for a directory that is about to be made private.
Result<void> check_owner_of_directory(const std::string& directory);

}  // namespace agent_secrets::control_plane
