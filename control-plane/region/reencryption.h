#pragma once
// The region's part of a rotation of data keys: values and fingerprints under an older key are
// encrypted and made anew under the active one, while servers read and write.
//
// One transaction does one set, with all its versions: versions are compared by fingerprints, which
// can be compared only under one key. A fingerprint of a version whose values are dropped already
// cannot be made anew, and is dropped. (Instances that still run such a version have a newer
// deployment, so they are told so without a comparison.)
//
// The store's last step is to end the key. From then on it refuses values under the key, so a
// server that has not noticed the rotation cannot leave a value that no key opens.
//
// Threads: safe from several.

#include <cstdint>
#include <string_view>

#include "control-plane/database/database.h"
#include "control-plane/keys/value_cipher.h"
#include "core/error.h"

namespace agent_secrets::control_plane {

// Does one set that has a value or a fingerprint under `old_key`. Returns false if there is none.
// ErrorCode::untrusted, with the names of set and key, for a value that does not decrypt;
// ErrorCode::conflict if another rotation has ended the cipher's active key.
Result<bool> reencrypt_next_set(Database& store, const ValueCipher& cipher,
                                std::string_view old_key);
// False, and no change, while something is under the key. Idempotent.
Result<bool> end_data_key(Database& store, std::string_view key);

// The number of values and fingerprints under a key.
std::int64_t count_under_key(Transaction& tx, std::string_view key);
bool is_ended(Transaction& tx, std::string_view key);

}  // namespace agent_secrets::control_plane
