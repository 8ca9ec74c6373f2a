#pragma once
// Whether a master key is the one of a catalog.

#include "control-plane/keys/master_key.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

class Transaction;

// Decrypts every key of the catalog, and keeps none. ErrorCode::untrusted for another master key.
// For a transaction of the catalog.
Result<void> check_master_key(Transaction& tx, const MasterKey& master_key);

}  // namespace agent_secrets::control_plane
