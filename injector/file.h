#pragma once
// Reads small files straight into guarded memory: no buffer of a stream keeps a copy. Pipes and
// other files without a size are read too (`<(command)`).

#include <cstddef>
#include <string>

#include <sys/stat.h>

#include "core/error.h"
#include "core/secret_buffer.h"

namespace agent_secrets {

struct SecretFile {
  SecretBuffer text;
  struct stat status{};
};

// ErrorCode::too_large beyond `limit` bytes, not_found for a missing file. The text is allocated in
// `slab` if it has room.
Result<SecretFile> read_file(const std::string& path, std::size_t limit,
                             SecretSlab* slab = nullptr);

// The same for a descriptor; `path` is for messages.
Result<SecretFile> read_descriptor(int fd, const std::string& path, std::size_t limit,
                                   SecretSlab* slab = nullptr);

}  // namespace agent_secrets
