#pragma once
// The highest fence that a region store has seen: it refuses writes of earlier terms
// (region/region_store.h).

#include "control-plane/database/transaction.h"
#include "control-plane/model/lease_term.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Call it in each write under a lease. ErrorCode::conflict if the store has seen a later term.
Result<void> accept_term(Transaction& tx, const LeaseTerm& term);

}  // namespace agent_secrets::control_plane
