#pragma once
// The catalog's audit log (audit/audit_log.h), as the subjects of the catalog use it. Every method
// that changes something takes the Actor, and records the change in its own transaction:
//
//   record(tx, context_, actor, {.organization_id = id, .action = "token.revoke",
//                                .object = "token ci"});
//
// A call that succeeds leaves one record, also if there was nothing to change. A call that fails
// leaves none: nothing has happened. The REST API counts refused callers by itself.

#include <cstdint>
#include <string>
#include <string_view>

#include "control-plane/audit/audit_log.h"
#include "control-plane/model/actor.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

struct CatalogContext;
class Transaction;

struct Change {
  std::int64_t organization_id = 0;  // 0: it is about no organization
  std::string_view action;
  std::string object = {};
  std::string detail = {};  // names and versions, never a value
  std::string_view outcome = kAuditDone;
};

// For the subjects, within the transaction of the change. A change that removes the organization
// calls it before: the record has the organization's name.
void record(Transaction& tx, const CatalogContext& context, const Actor& actor,
            const Change& change);

class Audit {
 public:
  explicit Audit(CatalogContext& context) : context_(context) {}

  // For what changes no row of the catalog: keys that are exported, an instance that is forgotten.
  // Call it before: without a record nothing may happen. Urgent, because deletions use it.
  Result<void> add(const Actor& actor, const Change& change);
  // All records of the catalog.
  [[nodiscard]] AuditLog log() const;

 private:
  CatalogContext& context_;
};

}  // namespace agent_secrets::control_plane
