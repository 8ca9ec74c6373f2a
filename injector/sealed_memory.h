#pragma once
// Bytes under a descriptor and in no file system: a memfd (memfd_create(2)), sealed so that no
// process that has the descriptor can change, shorten or lengthen it, nor take a seal away.
//
// The bytes are pages of the kernel's page cache. They are freed when the last descriptor is
// closed. They count as memory of the container, and may be swapped.

#include <string>
#include <string_view>

#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets {

// The descriptor is close-on-exec, and its offset is at the end: seek before read(2). /proc/PID/fd
// shows `name`.
Result<UniqueFd> seal_in_memory(const std::string& name, std::string_view content);

}  // namespace agent_secrets
