#pragma once
// The memory against roll-back: the sequence of the newest bundle that any credential of this agent
// has received with this cache directory. If the control plane later offers a lower sequence,
// its data was rolled back, or an attacker replays an old answer
// (docs/decisions/0025-roll-back-memory.md).
//
// The memory belongs to the agent, because a sequence counts the changes of an agent: with a new
// credential the sequence must still not go down. Each agent has one file, `agent-HASH.sequence`,
// with the HASH of organization and agent; its content is "SEQUENCE ORGANIZATION/AGENT\n". It holds
// no secret. It has no signature, because a user who may write to the directory could delete the
// file anyway.
//
// A directory of an earlier version has bundles and no such file. Then the bundles of all
// credentials of this agent are the memory.
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

  // The sequence in the file; absent if there is no file. ErrorCode::untrusted for a file that
  // another user owns or may access, or that has another content.
  [[nodiscard]] Result<std::optional<std::int64_t>> read(const CacheDirectory& directory) const;
  // Call it under the lock of the directory.
  [[nodiscard]] Result<void> write(const CacheDirectory& directory, std::int64_t sequence) const;

 private:
  std::string name_;   // without an ending
  std::string owner_;  // " ORGANIZATION/AGENT\n"
};

// The highest sequence among the directory's bundles of this agent, of all its credentials. Files
// that do not verify are skipped.
std::optional<std::int64_t> highest_cached_sequence(const CacheDirectory& directory,
                                                    const CredentialIdentity& identity);

}  // namespace agent_secrets
