#pragma once
// A private directory for the databases of a backup, while it is made or read. Their values are
// encrypted.

#include <string>

#include "control-plane/commands/init_files.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Where temporary files go: $TMPDIR, or /tmp.
std::string temporary_directory();

// A new directory in `parent`, with mode 0700. `undo` removes it with all that is in it; a process
// that is killed leaves it.
Result<std::string> make_scratch_directory(const std::string& parent, Undo& undo);

}  // namespace agent_secrets::control_plane
