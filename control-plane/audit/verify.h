#pragma once
// Verifies an audit log: recomputes every hash of the chain, and compares the chain with signed
// checkpoints, those of the log's own database and those that were kept somewhere else.
//
// It finds a record that was edited, removed, inserted or moved, and records that are missing at
// the end. A record that no server has written, also one at the end, has no valid authority code
// (audit/coded_record.h), or it is a copy of another record. A chain that was hashed anew
// contradicts the checkpoints before it. Whoever can write the database can remove its own
// checkpoints too: only a kept checkpoint finds such a log.
//
// It does not find records that were removed before they were chained (about a second), and none
// that were removed after the newest checkpoint (about a minute) if the hashes were all made again.
//
// Memory: limits::kAuditBatch records at once.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control-plane/audit/checkpoint.h"

namespace agent_secrets::control_plane {

struct AuditVerification {
  AuditHead head;
  std::int64_t first = 1;                // the position at which the log begins, after cuts
  std::int64_t unchained = 0;            // records that are not chained yet
  std::int64_t checkpoints = 0;          // that agree with the chain
  std::int64_t before_first = 0;         // kept checkpoints about records that a cut has removed
  std::vector<std::string> faults = {};  // empty: the log is whole; at most kFaultsMax
  static constexpr std::size_t kFaultsMax = 20;
};

// `name`: of the log, as statements have it. `kept`: the texts of checkpoints. Errors are those of
// the database; everything that is wrong with the log is a fault.
Result<AuditVerification> verify_audit(AuditLog& log, std::string_view name,
                                       const KeyLookup& find_key,
                                       const std::vector<std::string>& kept);

}  // namespace agent_secrets::control_plane
