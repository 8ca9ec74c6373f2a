#pragma once
// Runs an operator's command that prints a key, such as the command-line tool of a key management
// service (--master-key-command).
//
// The command is run by `/bin/sh -c`. Such a tool seldom prints exactly the text of a key: its
// output has to be decoded, so operators need a pipe. Nothing is inserted into the command's text,
// so there is nothing to quote. A pipe hides the exit status of its first program; the caller
// therefore also checks that the output is a key.
//
// The command gets few variables of the environment: PATH, HOME, USER, LOGNAME, LANG, TZ, TMPDIR
// and CREDENTIALS_DIRECTORY (systemd.exec(5)). It sets others itself: `AWS_PROFILE=x aws kms …`.
//
// Threads: any; blocks the calling thread.

#include <cstddef>
#include <string>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets::control_plane {

// Returns standard output in guarded memory, without the newline at its end. ErrorCode::failed with
// the standard error of the command if it exits with another status than 0, or runs longer than
// limits::kKeyCommandTime. ErrorCode::too_large for more than `max_size` bytes; the command is
// killed. No error repeats standard output.
Result<SecretBuffer> run_key_command(const std::string& command, std::size_t max_size);

}  // namespace agent_secrets::control_plane
