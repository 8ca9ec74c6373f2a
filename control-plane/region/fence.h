#pragma once
// The highest fence of its provisioner that a region store has seen (region/region_store.h).

#include "control-plane/database/transaction.h"
#include "control-plane/model/lease_term.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// For each write under a lease. ErrorCode::conflict when the store has seen a later term.
Result<void> accept_term(Transaction& tx, const LeaseTerm& term);

}  // namespace agent_secrets::control_plane
