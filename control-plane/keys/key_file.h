#pragma once
// Reads a key from a file that only its owner can read, or from an environment variable.
//
// The file may also be a credential of systemd (LoadCredential=, systemd.exec(5)): a file of root
// with an access control list (acl(5)) that lets only the user of the service read it. Its mode is
// then 0440: with such a list, the bits of the group are the most that the list can give, and not
// the rights of the group.
//
// Threads: call the functions for variables before the program starts a thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// Returns the text of a regular file in guarded memory, without the newline at its end. Refuses a
// file that other users than its owner, or this process's in a file of root, may access.
// ErrorCode::too_large for more than `max_size` bytes. `key` names the content of the file in
// messages: "the master key".
Result<SecretBuffer> read_key_file(const std::string& path, std::string_view key,
                                   std::size_t max_size);

// The variable is set, and not empty.
bool has_key_variable(const char* name);

// Returns the variable's value; absent if it is not set, or empty. Wipes and unsets the variable,
// so that no child process (an --on-deploy command) inherits it.
std::optional<SecretBuffer> take_key_variable(const char* name);

}  // namespace agent_secrets::control_plane
