#pragma once
// Directories that are named on a command line and written to: cache, state directory. A program
// that starts as root must not be led to another directory by a user who may write to a part of the
// path.
//
// The last component must be a directory, never a symbolic link. A link before it (/var/run in many
// images) is followed only if no other user can have put it there: it is in a directory that only
// root or this user may write to, or, where others may write and the sticky bit is set (/tmp), the
// link itself is root's or this user's.
//
// All further work goes through the descriptor, so nothing that is renamed later has an effect.

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

// For reading, locking and the *at() calls. `noun` is for messages: "cache directory".
// ErrorCode::not_found where there is none, untrusted for a link that is not followed and for what
// is no directory.
Result<UniqueFd> open_directory(const std::string& path, std::string_view noun);

struct MadeDirectory {
  UniqueFd fd;
  bool is_new = false;
};

// The same; a missing directory is made with exactly this mode. Its parent must exist.
Result<MadeDirectory> make_directory(const std::string& path, std::string_view noun, mode_t mode);

enum class Writers { owner, anybody };

// ErrorCode::untrusted unless the open directory belongs to root, to this process's user or to
// `also`, and, for Writers::owner, nobody else may write to it. `path` is for messages.
Result<void> check_directory(int fd, const std::string& path, Writers writers,
                             std::optional<uid_t> also = std::nullopt);

}  // namespace agent_secrets
