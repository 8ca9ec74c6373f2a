#pragma once
// Where a key comes from: a file that only its owner can read, or a variable of the environment.
//
// Threads: the functions for variables are for one thread, before there are others.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// The text of a regular file that neither group nor others may use, in guarded memory, without the
// newline at its end. ErrorCode::too_large for more than `max_size` bytes. `key` is what the file
// has, for messages: "the master key".
Result<SecretBuffer> read_key_file(const std::string& path, std::string_view key,
                                   std::size_t max_size);

// The variable is set, and not empty.
bool has_key_variable(const char* name);

// The variable's value; absent if it is not set, or empty. The variable is wiped and unset, so that
// no child process (an --on-deploy command) inherits it.
std::optional<SecretBuffer> take_key_variable(const char* name);

}  // namespace agent_secrets::control_plane
