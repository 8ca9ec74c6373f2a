#pragma once
// Reads a sidecar's watch credential from a file, or from a descriptor of the injector. The text is
// wiped after parsing. An agent credential is refused: a process that runs as long as the bot must
// not have a key that opens bundles.

#include <string>

#include "core/credential.h"
#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

Result<WatchCredential> read_credential_file(const std::string& path);
// Reads to the end and closes it.
Result<WatchCredential> read_credential_fd(UniqueFd fd);

}  // namespace agent_secrets::sidecar
