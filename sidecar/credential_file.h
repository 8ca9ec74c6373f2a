#pragma once
// Where a sidecar gets its watch credential from: a file, or a descriptor that the injector hands
// it. The text is wiped as soon as it is parsed. An agent credential is refused: a process that
// lives as long as the bot must not hold a key that opens bundles.

#include <string>

#include "core/credential.h"
#include "core/error.h"
#include "core/unique_fd.h"

namespace agent_secrets::sidecar {

Result<WatchCredential> read_credential_file(const std::string& path);
// Reads to the end and closes it.
Result<WatchCredential> read_credential_fd(UniqueFd fd);

}  // namespace agent_secrets::sidecar
