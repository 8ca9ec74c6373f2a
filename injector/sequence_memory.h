#pragma once
// The memory against roll-back: the sequence of the newest bundle that any credential of this agent
// has received with this cache directory. A control plane that later offers a lower sequence has
// been rolled back, or somebody replays an old answer (docs/decisions/0025-roll-back-memory.md).
//
// It belongs to the agent, because a sequence counts the changes of an agent: a new credential must
// not forget what the old one has seen. One file for each agent, `agent-HASH.sequence`, with HASH
// of organization and agent; its content is "SEQUENCE ORGANIZATION/AGENT\n". It holds no secret and
// no signature: who may write to the directory may also delete the file.
//
// A directory of an earlier version has bundles and no such file: then the bundles in it, of any
// credential of this agent, are the memory.
//
// Ownership: borrows the directory for each call. Threads: one.

#include <cstdint>
#include <optional>
#include <string>

#include "core/credential.h"
#include "core/error.h"
#include "injector/cache_directory.h"

namespace agent_secrets {

class SequenceMemory {
 public:
  explicit SequenceMemory(const CredentialIdentity& identity);

  // What the file says; nothing when there is none. ErrorCode::untrusted for a file that is not
  // ours alone, or that holds anything else.
  [[nodiscard]] Result<std::optional<std::int64_t>> read(const CacheDirectory& directory) const;
  // Under the directory's lock.
  [[nodiscard]] Result<void> write(const CacheDirectory& directory, std::int64_t sequence) const;

 private:
  std::string name_;   // without an ending
  std::string owner_;  // " ORGANIZATION/AGENT\n"
};

// The highest sequence among the directory's bundles of this agent, for whichever credential. Files
// that do not verify are passed over.
std::optional<std::int64_t> highest_cached_sequence(const CacheDirectory& directory,
                                                    const CredentialIdentity& identity);

}  // namespace agent_secrets
