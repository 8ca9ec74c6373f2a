#pragma once
// Directories that are named on a command line and written to: cache, state directory. If another
// user may write to a part of the path, that user must not be able to redirect a program that
// starts as root.
//
// The last component must be a directory, never a symbolic link. A link before it (/var/run in many
// images) is followed only if no other user can have created it. Either only root or the process's
// user may write to the link's directory, or the directory has the sticky bit (/tmp) and root or
// the process's user owns the link.
//
// All further work uses the descriptor, so a later rename has no effect.

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

// For reading, locking and the *at() calls. `noun` is for messages: "cache directory".
// ErrorCode::not_found if it does not exist; untrusted for a link that is not followed, and if it
// is not a directory.
Result<UniqueFd> open_directory(const std::string& path, std::string_view noun);

struct MadeDirectory {
  UniqueFd fd;
  bool is_new = false;
};

// As open_directory(); a missing directory is created with exactly this mode. Its parent must
// exist.
Result<MadeDirectory> make_directory(const std::string& path, std::string_view noun, mode_t mode);

enum class Writers { owner, anybody };

// ErrorCode::untrusted unless the open directory belongs to root, to this process's user or to
// `also`, and, for Writers::owner, no other user may write to it. `path` is for messages.
Result<void> check_directory(int fd, const std::string& path, Writers writers,
                             std::optional<uid_t> also = std::nullopt);

}  // namespace agent_secrets
