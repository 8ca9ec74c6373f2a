#pragma once
// The fingerprint of one value in a region store (keys/value_cipher.h).
//
// Threads: those of the transaction.

#include "control-plane/database/transaction.h"
#include "control-plane/keys/value_cipher.h"
#include "control-plane/model/set_version.h"

namespace agent_secrets::control_plane {

// Replaces the fingerprint that the version's key has.
void put_fingerprint(Transaction& tx, const ValueCipher& cipher, const ProvisionedVersion& version,
                     const ProvisionedValue& value);

}  // namespace agent_secrets::control_plane
