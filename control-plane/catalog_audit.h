#pragma once
// The catalog's audit log while `serve` runs: writes the refused requests of this process
// (refusal_audit.h), and, under the lease `audit`, chains the log and signs checkpoints
// (audit/keeper.h).
//
// Ownership: the arguments of the constructor must outlive it. Its destructor ends the threads:
// first the last refusals are written, then the last records are chained and signed, and then the
// lease is released.

#include <thread>

#include "control-plane/audit/keeper.h"
#include "control-plane/catalog/catalog.h"
#include "control-plane/refusal_audit.h"
#include "control-plane/replica/lease_keeper.h"

namespace agent_secrets::control_plane {

class CatalogAudit {
 public:
  CatalogAudit(Catalog& catalog, RefusedCallers& refused, const LeaseOptions& lease,
               const Clock& clock, const Log& log);

  // Starts the threads; call it once.
  Result<void> start();

 private:
  AuditLog audit_log_;
  LeaseKeeper lease_;
  AuditKeeper keeper_;
  RefusalAudit refusals_;
  // After all that they use; the last one is joined first.
  std::jthread keeping_;
  std::jthread writing_;
};

}  // namespace agent_secrets::control_plane
